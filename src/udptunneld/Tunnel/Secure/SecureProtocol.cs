using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Crypto;
using UdpTunnel.Events;
using UdpTunnel.Filter;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.Packets;
using UdpTunnel.State;
using UdpTunnel.WireGuard;
using Session = UdpTunnel.State.Session;

namespace UdpTunnel.Tunnel.Secure;

/// <summary>
/// The WireGuard protocol of a tunnel: its peers as the file names them, where they are, and what is kept of them over
/// a restart.
/// </summary>
internal sealed class SecureProtocol : ITunnelProtocol
{
    // Peers that are changed in one turn of the worker: each costs an agreement of keys, 50 µs, for which all its
    // tunnels wait.
    private const int PeersPerTurn = 16;

    // Handshakes that a restarted tunnel begins by itself; with more peers, each waits for its first packet.
    private const int MostGreeted = 256;

    private const int MostReportedPerTick = 16;
    private const int MostSearched = 16;

    // With many peers there is a handshake all the time, and not each is worth a new file.
    private const long SaveMillisecondsPerPeer = 10;

    private readonly IUdp _udp;
    private readonly EventLog _events;
    private readonly TimeProvider _time;
    private readonly SecureTransport _transport;
    private readonly LimitReport _limits;
    private readonly CoreDumps _noDumps = CoreDumps.SwitchOff();
    private readonly TunnelRoutes _routes;
    private readonly Dictionary<PublicKey, SecurePeer> _byKey = [];
    private readonly HashSet<ushort> _numbers = [];
    private readonly List<SecurePeer> _greeted = [];

    // Peers that were approved for as long as their session lasts.
    private readonly List<PeerConfig> _guests = [];
    private Func<Action, Task> _onWorker;
    private bool _isStarted;
    private TunnelConfig _config;
    private SecurePeer[] _peers = [];
    private ushort _lastNumber;
    private long _peersChanged;
    private long _changes;
    private long _seenMoves;
    private long _nextChange;
    private long _refused;

    /// <param name="config">The tunnel.</param>
    /// <param name="key">This end's private key.</param>
    /// <param name="tun">The device, which stays its owner's.</param>
    /// <param name="udp">The socket, which stays its owner's.</param>
    /// <param name="events">Where changes are reported.</param>
    /// <param name="time">The wall clock.</param>
    /// <param name="clock">Milliseconds of a clock that goes on while the host is suspended.</param>
    /// <exception cref="RequestException">
    /// OpenSSL lacks an algorithm, a peer cannot be one, or a route is taken.
    /// </exception>
    public SecureProtocol(
        TunnelConfig config,
        SecretKey key,
        ITun tun,
        IUdp udp,
        EventLog events,
        TimeProvider time,
        Func<long> clock
    )
    {
        _routes = new TunnelRoutes(tun, udp.LocalPort, config.Name);
        _limits = new LimitReport(events, time, config.Name);
        _udp = udp;
        _events = events;
        _time = time;
        _config = config;

        // Nobody uses the transport yet.
        _onWorker = action =>
        {
            action();
            return Task.CompletedTask;
        };
        try
        {
            _transport = new SecureTransport(LocalIdentity.Import(key.Bytes), config.FirstMtu, udp, clock, time);
        }
        catch (CryptoException e)
        {
            _noDumps.Dispose();
            throw new RequestException(Fault.System, e.Message);
        }

        try
        {
            Set(config);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public ITransport Transport => _transport;

    /// <inheritdoc/>
    public DirectionCounters Outgoing => _transport.Outgoing;

    /// <inheritdoc/>
    public IReadOnlyList<Peer> Peers => Volatile.Read(ref _peers);

    /// <summary>This end's public key.</summary>
    public PublicKey Key => _transport.Engine.Key;

    /// <inheritdoc/>
    public long Changes
    {
        get
        {
            var now = Environment.TickCount64;
            var moves = _peersChanged + _transport.TimestampMoves + _peers.Sum(peer => peer.Changes);
            if (moves != _seenMoves && now >= _nextChange)
            {
                _seenMoves = moves;
                _nextChange = now + (_byKey.Count * SaveMillisecondsPerPeer);
                _changes++;
            }

            return _changes;
        }
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<ushort, ushort> Restore(Session session)
    {
        var numbers = new Dictionary<ushort, ushort>();
        foreach (var saved in session.Peers)
        {
            if (!PublicKey.TryParse(saved.Key, out var key) || !_byKey.TryGetValue(key, out var peer))
            {
                continue;
            }

            numbers[saved.Number] = peer.Number;
            peer.Wire.Timestamps = new PeerTimestamps(ToMoment(saved.Received), ToMoment(saved.Sent));
            if (saved.Endpoint is { } endpoint && peer.Wire.Endpoint.IsNone)
            {
                SetEndpoint(peer, endpoint);
            }

            if (saved.IsConnected && _greeted.Count < MostGreeted)
            {
                _greeted.Add(peer);
            }
        }

        return numbers;
    }

    /// <inheritdoc/>
    public void Start(Func<Action, Task> onWorker)
    {
        _onWorker = onWorker;

        // The other ends still send with the sessions of the run before: they learn of new ones at once.
        OnWorker(() => _greeted.ForEach(peer => _transport.Engine.BeginHandshake(peer.Wire)));
        _greeted.Clear();
        _isStarted = true;
        foreach (var peer in _peers)
        {
            LookUpEndpoint(peer);
        }
    }

    /// <inheritdoc/>
    public void Apply(TunnelConfig config)
    {
        try
        {
            SetKey(_config, config);
            Set(config);
            _config = config;
        }
        catch (RequestException)
        {
            SetKey(config, _config);
            Set(_config);
            throw;
        }
    }

    /// <summary>Lets a peer in for as long as its session lasts.</summary>
    /// <exception cref="RequestException">It cannot be a peer.</exception>
    public void AdmitGuest(PeerConfig guest)
    {
        _guests.Add(guest);
        try
        {
            Set(_config);
        }
        catch (RequestException)
        {
            _guests.Remove(guest);
            Set(_config);
            throw;
        }
    }

    /// <summary>Whether there was ever a session with a peer since the tunnel started.</summary>
    public bool HasCompletedHandshake(PublicKey key) =>
        _byKey.TryGetValue(key, out var peer) && peer.Wire.LastHandshakeAt >= 0;

    /// <summary>
    /// Ends what there is of a stranger or guest, and gives its key no answer for an hour. A peer of the configuration
    /// stays.
    /// </summary>
    public void Deny(PublicKey key)
    {
        if (_guests.RemoveAll(guest => guest.PublicKey == key) > 0)
        {
            Set(_config);
        }

        OnWorker(() =>
        {
            Dismiss([key]);
            _transport.Quarantine.Deny(key, _transport.Now);
        });
    }

    /// <inheritdoc/>
    public void OnDeviceMade() => _routes.Restore(WithGuests(_config));

    /// <inheritdoc/>
    public bool HasRoute(DeviceRoute route) => _routes.Has(route);

    /// <inheritdoc/>
    public Session Save(Session session)
    {
        var saved = new List<SavedPeer>();
        OnWorker(() =>
        {
            foreach (var peer in _peers)
            {
                var times = peer.Wire.Timestamps;
                saved.Add(
                    new SavedPeer(
                        peer.Number,
                        peer.Config.PublicKey.ToString(),
                        peer.Current?.Endpoint.ToIPEndPoint(),
                        peer.StateAt(_transport.Now) == PeerState.Connected,
                        new SavedMoment(times.Received.Seconds, times.Received.Nanoseconds),
                        new SavedMoment(times.Sent.Seconds, times.Sent.Nanoseconds)
                    )
                );
            }
        });
        return session with { Peers = saved };
    }

    /// <inheritdoc/>
    public void Report(long now)
    {
        for (var i = 0; i < MostReportedPerTick && _transport.TryTakeNews(out var news); i++)
        {
            Report(news);
        }

        if (_transport.TakeLostNews() is > 0 and var lost)
        {
            _events.Add(
                EventKind.PeerMoved,
                EventLevel.Info,
                _config.Name,
                $"{lost} more changes of peers came at the same time"
            );
        }

        foreach (var peer in _peers)
        {
            if (peer.LookUp?.Untried is not null)
            {
                TryFound(peer);
            }
        }

        SearchRefused();
        EndStays();
        EndGuests();
    }

    /// <inheritdoc/>
    public TunnelStatus Describe(TunnelStatus status)
    {
        var now = _transport.Now;
        var wall = _time.GetUtcNow();
        var peers = Volatile.Read(ref _peers);
        var described = peers.Select(Describe).ToList();
        var isConnected = described.Any(peer => peer.State == PeerState.Connected);
        return status with
        {
            State = isConnected ? TunnelState.Running : TunnelState.Waiting,
            PublicKey = Key.ToString(),
            Peers = described,
            PendingPeers = [.. _transport.Quarantine.Waiting.Select(Describe).Where(p => p.State == PeerState.Pending)],
            LastHeard = described.Max(peer => peer.LastHeard),
            HeartbeatsOut = described.Sum(peer => peer.KeepalivesOut),
            HeartbeatsIn = described.Sum(peer => peer.KeepalivesIn),
            PeerChanges = described.Sum(peer => peer.EndpointMoves),
            LookUps = peers.Sum(peer => peer.LookUp?.LookUps ?? 0),
            LookUpFailures = peers.Sum(peer => peer.LookUp?.Failures ?? 0),
        };

        PeerStatus Describe(SecurePeer peer) =>
            peer.Describe(now, moment => wall - TimeSpan.FromMilliseconds(now - moment));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var peer in _byKey.Values)
        {
            peer.LookUp?.Dispose();
        }

        _routes.Dispose();
        _transport.Dispose();
        _noDumps.Dispose();
    }

    private static Tai64n ToMoment(SavedMoment moment) => new(moment.Seconds, moment.Nanoseconds);

    /// <summary>Has the worker do something, and waits for it.</summary>
    private void OnWorker(Action action) => _onWorker(action).GetAwaiter().GetResult();

    /// <summary>
    /// Takes another key for this end. Peers have to know it before they can be sent to again; what they send with the
    /// sessions that there are still arrives.
    /// </summary>
    private void SetKey(TunnelConfig before, TunnelConfig after)
    {
        if (after.PrivateKey is not { } key || key.Equals(before.PrivateKey))
        {
            return;
        }

        IReadOnlyList<WireGuard.Peer> removed = [];
        OnWorker(() => removed = _transport.Engine.SetIdentity(LocalIdentity.Import(key.Bytes)));
        foreach (var peer in removed)
        {
            Remove((SecurePeer)peer.Tag!);
        }
    }

    /// <summary>Makes the peers those of a configuration. A peer that stays keeps its sessions.</summary>
    /// <exception cref="RequestException">One of them cannot be a peer; nothing was changed.</exception>
    private void SetPeers(ValueList<PeerConfig> wanted)
    {
        var keys = wanted.Select(peer => peer.PublicKey).ToHashSet();
        var fresh = wanted.Where(peer => !_byKey.ContainsKey(peer.PublicKey)).ToList();
        var added = new List<SecurePeer>();
        try
        {
            foreach (var some in fresh.Chunk(PeersPerTurn))
            {
                OnWorker(() => added.AddRange(some.Select(AddPeer)));
            }
        }
        catch (RequestException)
        {
            added.ForEach(Remove);
            throw;
        }

        // Networks that go from one peer to another are never without an owner: they are given before others are taken.
        foreach (var some in wanted.Chunk(PeersPerTurn))
        {
            OnWorker(() => Array.ForEach(some, GiveNetworks));
        }

        var moved = wanted.Where(config => config.Endpoint != _byKey[config.PublicKey].Config.Endpoint).ToList();
        foreach (var some in wanted.Chunk(PeersPerTurn))
        {
            OnWorker(() => Array.ForEach(some, Change));
        }

        _byKey.Values.Where(peer => !keys.Contains(peer.Config.PublicKey)).ToList().ForEach(Remove);

        Volatile.Write(ref _peers, [.. wanted.Select(config => _byKey[config.PublicKey])]);
        _peersChanged++;
        foreach (var config in moved)
        {
            LookUpEndpoint(_byKey[config.PublicKey]);
        }
    }

    private void Set(TunnelConfig config)
    {
        var effective = WithGuests(config);
        SetPeers(effective.Peers);
        SetRoutes(effective);
        OnWorker(() => AskAbout(config.UnknownPeers));
    }

    /// <summary>A configuration with the guests that have no place in it by themselves.</summary>
    private TunnelConfig WithGuests(TunnelConfig config)
    {
        var guests = _guests.Where(guest =>
            !config.Peers.Any(peer =>
                peer.PublicKey == guest.PublicKey || peer.AllowedIPs.Intersect(guest.AllowedIPs).Any()
            )
        );
        return _guests.Count == 0 ? config : config with { Peers = [.. config.Peers, .. guests] };
    }

    /// <summary>What becomes of strangers from now on. On the worker.</summary>
    private void AskAbout(UnknownPeers strangers)
    {
        _transport.Engine.UnknownPeer = strangers == UnknownPeers.Ask ? Receive : null;
        if (strangers == UnknownPeers.Ignore)
        {
            Dismiss(_transport.Quarantine.All);
        }
    }

    /// <summary>A stranger has shown its key: gives it a place, if there is one. On the worker.</summary>
    private WireGuard.Peer? Receive(PublicKey key, Endpoint source)
    {
        var now = _transport.Now;
        if (
            !_transport.Quarantine.HasPlace(key, source, now)
            || _transport.Engine.AddPeer(key, default, out var wire) != PeerRefusal.None
        )
        {
            return null;
        }

        var peer = new SecurePeer
        {
            Config = new PeerConfig { PublicKey = key },
            Wire = wire!,
        };
        wire!.Tag = peer;
        _transport.Quarantine.Enter(peer, source, now);
        return wire;
    }

    /// <summary>Takes strangers out of the quarantine, and forgets them. On the worker.</summary>
    private void Dismiss(IEnumerable<PublicKey> keys)
    {
        foreach (var key in keys)
        {
            if (_transport.Quarantine.Take(key) is { } peer)
            {
                _transport.Engine.RemovePeer(peer.Wire);
            }
        }
    }

    /// <summary>Forgets strangers about whom nobody has decided in time.</summary>
    private void EndStays()
    {
        if (!_transport.Quarantine.IsEmpty)
        {
            OnWorker(() => Dismiss(_transport.Quarantine.Overdue(_transport.Now)));
        }

        if (_transport.Quarantine.Refused is > 0 and var refused)
        {
            _limits.Look(
                Limit.PendingPeers,
                refused,
                $"{Quarantine.Most} peers wait for approval, or {Quarantine.MostPerNetwork} of one address, "
                    + "which is the most: others get no answer"
            );
        }
    }

    /// <summary>Forgets guests whose session has ended.</summary>
    private void EndGuests()
    {
        var gone = _guests.FindAll(guest =>
            !_byKey.TryGetValue(guest.PublicKey, out var peer) || peer.StateAt(_transport.Now) != PeerState.Connected
        );
        if (gone.Count == 0)
        {
            return;
        }

        _guests.RemoveAll(gone.Contains);
        Set(_config);
        foreach (var guest in gone)
        {
            _events.Add(
                EventKind.PeerRemoved,
                EventLevel.Info,
                _config.Name,
                $"the peer {guest.DisplayName} was approved once, and its session has ended"
            );
        }
    }

    private void SetRoutes(TunnelConfig config)
    {
        _udp.SetMark(TunnelRoutes.MarkOf(config));
        _routes.Apply(config);
    }

    /// <summary>On the worker.</summary>
    private SecurePeer AddPeer(PeerConfig config)
    {
        _transport.Quarantine.Allow(config.PublicKey);
        var peer = _transport.Quarantine.Take(config.PublicKey) ?? MakePeer(config);
        do
        {
            _lastNumber++;
        } while (_lastNumber == 0 || !_numbers.Add(_lastNumber));

        peer.Number = _lastNumber;
        _byKey.Add(config.PublicKey, peer);
        return peer;
    }

    /// <summary>On the worker.</summary>
    private SecurePeer MakePeer(PeerConfig config)
    {
        var refusal = _transport.Engine.AddPeer(config.PublicKey, default, out var wire);
        if (wire is null)
        {
            var reason = refusal switch
            {
                PeerRefusal.OwnKey => "has this end's own public key",
                PeerRefusal.WeakKey => "has a public key that protects nothing",
                PeerRefusal.Known => "is there twice",
                _ => "is one too many",
            };
            throw new RequestException(Fault.InvalidRequest, $"the peer {config.DisplayName} {reason}");
        }

        // Empty, so that all of it is set as a change.
        var peer = new SecurePeer
        {
            Config = new PeerConfig { PublicKey = config.PublicKey },
            Wire = wire,
        };
        wire.Tag = peer;
        return peer;
    }

    private void Remove(SecurePeer peer)
    {
        peer.LookUp?.Dispose();
        peer.LookUp = null;
        OnWorker(() => _transport.Engine.RemovePeer(peer.Wire));
        _byKey.Remove(peer.Config.PublicKey);
        _numbers.Remove(peer.Number);
    }

    /// <summary>On the worker.</summary>
    private void GiveNetworks(PeerConfig config)
    {
        var peer = _byKey[config.PublicKey];
        if (!config.AllowedIPs.Equals(peer.Config.AllowedIPs))
        {
            foreach (var prefix in config.AllowedIPs)
            {
                _transport.Engine.AddAllowedIp(peer.Wire, prefix);
            }
        }
    }

    /// <summary>Makes a peer as the file has it. On the worker.</summary>
    private void Change(PeerConfig config)
    {
        var peer = _byKey[config.PublicKey];
        var before = peer.Config;
        peer.Config = config;
        peer.Ports =
            config.AllowedPorts is not { } ports ? null
            : ports == before.AllowedPorts ? peer.Ports
            : new PortBitmap(ports);
        if (!config.AllowedIPs.Equals(before.AllowedIPs))
        {
            _transport.Engine.SetAllowedIps(peer.Wire, config.AllowedIPs);
        }

        if (!Equals(config.PresharedKey, before.PresharedKey))
        {
            peer.Wire.SetPresharedKey(config.PresharedKey is { } shared ? shared.Bytes : new byte[SecretKey.Size]);
        }

        if (config.Endpoint is { } endpoint && endpoint != before.Endpoint && !EndpointLookUp.Needs(endpoint))
        {
            _ = endpoint.TryGetAddress(out var address);
            SetEndpoint(peer, new IPEndPoint(address!, endpoint.Port));
        }

        // The first keepalive goes to the endpoint at once.
        _transport.Engine.SetPersistentKeepalive(peer.Wire, (int)config.PersistentKeepalive.TotalSeconds);
    }

    /// <summary>On the worker.</summary>
    private void SetEndpoint(SecurePeer peer, IPEndPoint address)
    {
        var endpoint = _udp.ToEndpoint(address);
        peer.Wire.SetEndpoint(endpoint);
        peer.Move(endpoint);
    }

    /// <summary>Begins to look up where a peer is, or ends it, as its configuration has it.</summary>
    private void LookUpEndpoint(SecurePeer peer)
    {
        if (!_isStarted)
        {
            return;
        }

        peer.LookUp?.Dispose();
        peer.LookUp =
            peer.Config.Endpoint is { } endpoint && EndpointLookUp.Needs(endpoint)
                ? new EndpointLookUp(endpoint, _config.Name, _events, _time, () => TryFound(peer))
                : null;
    }

    /// <summary>Goes where a look-up has found a peer, unless there is a session with it.</summary>
    private void TryFound(SecurePeer peer) =>
        OnWorker(() =>
        {
            if (
                !peer.Wire.IsRemoved
                && peer.StateAt(_transport.Now) != PeerState.Connected
                && peer.LookUp?.Take() is { } address
            )
            {
                SetEndpoint(peer, address);
                if (peer.Config.PersistentKeepalive > TimeSpan.Zero)
                {
                    _transport.Engine.BeginHandshake(peer.Wire);
                }
            }
        });

    /// <summary>
    /// The kernel could not send: silent peers whose names have several addresses are called at all of them, before the
    /// protocol's timers find out.
    /// </summary>
    private void SearchRefused()
    {
        var refused = Outgoing.Drops(DropReason.SendFailed);
        if (refused == _refused)
        {
            return;
        }

        _refused = refused;
        var now = _transport.Now;
        var silent = _peers.Where(peer => peer.Wire.Counters.BytesOut > 0 && peer.IsSearched(now)).Take(MostSearched);
        OnWorker(() => silent.ToList().ForEach(peer => _transport.Engine.BeginHandshake(peer.Wire)));
    }

    private void Report(PeerNews news)
    {
        var peer = news.Peer;
        var name = peer.Config.DisplayName;
        if (peer.Stay is not null)
        {
            ReportPending(news);
            return;
        }

        switch (news.What)
        {
            case PeerEvent.HandshakeCompleted when !peer.IsReported:
                peer.IsReported = true;
                _events.Add(
                    EventKind.PeerAdopted,
                    EventLevel.Info,
                    _config.Name,
                    $"the peer {name} is {news.Endpoint}"
                );
                break;
            case PeerEvent.EndpointMoved when peer.IsReported:
                _events.Add(
                    EventKind.PeerMoved,
                    EventLevel.Info,
                    _config.Name,
                    $"the peer {name} has moved to {news.Endpoint}"
                );
                break;
            case PeerEvent.HandshakeGivenUp:
                peer.IsReported = false;
                _events.Add(
                    EventKind.PeerUnreachable,
                    EventLevel.Warning,
                    _config.Name,
                    $"the peer {name} at {news.Endpoint} has not answered handshakes for 90 s; "
                        + "the next packet to it begins another"
                );
                break;
        }
    }

    private void ReportPending(PeerNews news)
    {
        if (news is { What: PeerEvent.HandshakeCompleted, Peer.IsReported: false })
        {
            var key = news.Peer.Config.PublicKey;
            news.Peer.IsReported = true;
            _events.Add(
                EventKind.PeerPending,
                EventLevel.Warning,
                _config.Name,
                $"a peer with the key {key} at {news.Endpoint} waits for approval: "
                    + $"udptunnelctl approve {key.ToShortText()}"
            );
        }
    }
}
