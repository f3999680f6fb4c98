// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Crypto;
using UdpTunnel.Events;
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
    private readonly CoreDumps _noDumps = CoreDumps.SwitchOff();
    private readonly TunnelRoutes _routes;
    private readonly PeerTable _peers;
    private readonly Strangers _strangers;
    private readonly List<SecurePeer> _greeted = [];

    // Peers that were approved for as long as their session lasts.
    private readonly List<PeerConfig> _guests = [];
    private Func<Action, Task> _onWorker;
    private bool _isStarted;
    private TunnelConfig _config;
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

        _strangers = new Strangers(
            _transport,
            config.Name,
            events,
            new LimitReport(events, time, config.Name),
            OnWorker
        );
        _peers = new PeerTable(_transport, udp, _strangers, OnWorker);
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

    /// <summary>Where the worker leaves what it tells of handshakes.</summary>
    public WorkerNotes? Notes
    {
        set => _transport.Notes = value;
    }

    /// <inheritdoc/>
    public DirectionCounters Outgoing => _transport.Outgoing;

    /// <inheritdoc/>
    public IReadOnlyList<Peer> Peers => _peers.All;

    /// <summary>This end's public key.</summary>
    public PublicKey Key => _transport.Engine.Key;

    /// <inheritdoc/>
    public long Changes
    {
        get
        {
            var now = Environment.TickCount64;
            var moves = _peers.Changes + _transport.TimestampMoves + _peers.All.Sum(peer => peer.Changes);
            if (moves != _seenMoves && now >= _nextChange)
            {
                _seenMoves = moves;
                _nextChange = now + (_peers.All.Count * SaveMillisecondsPerPeer);
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
            if (!PublicKey.TryParse(saved.Key, out var key) || _peers.Find(key) is not { } peer)
            {
                continue;
            }

            numbers[saved.Number] = peer.Number;
            peer.Wire.Timestamps = new PeerTimestamps(ToMoment(saved.Received), ToMoment(saved.Sent));
            if (saved.Endpoint is { } endpoint && peer.Wire.Endpoint.IsNone)
            {
                _peers.SetEndpoint(peer, endpoint);
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
        foreach (var peer in _peers.All)
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
    public bool HasCompletedHandshake(PublicKey key) => _peers.Find(key) is { Wire.LastHandshakeAt: >= 0 };

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

        _strangers.Deny(key);
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
            foreach (var peer in _peers.All)
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

        foreach (var peer in _peers.All)
        {
            if (peer.LookUp?.Untried is not null)
            {
                TryFound(peer);
            }
        }

        SearchRefused();
        _strangers.EndStays();
        EndGuests();
    }

    /// <inheritdoc/>
    public TunnelStatus Describe(TunnelStatus status)
    {
        var now = _transport.Now;
        var wall = _time.GetUtcNow();
        var peers = _peers.All;
        var described = peers.Select(Describe).ToList();
        var isConnected = described.Any(peer => peer.State == PeerState.Connected);
        return status with
        {
            State = isConnected ? TunnelState.Running : TunnelState.Waiting,
            PublicKey = Key.ToString(),
            Peers = described,
            PendingPeers = [.. _strangers.Waiting.Select(Describe).Where(p => p.State == PeerState.Pending)],
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
        _peers.EndLookUps();
        _routes.Dispose();
        _transport.Dispose();
        _noDumps.Dispose();
    }

    private static Tai64n ToMoment(SavedMoment moment) => new(moment.Seconds, moment.Nanoseconds);

    /// <summary>Has the worker do something, and waits for it.</summary>
    private void OnWorker(Action action) => _onWorker(action).GetAwaiter().GetResult();

    private void SetKey(TunnelConfig before, TunnelConfig after)
    {
        if (after.PrivateKey is { } key && !key.Equals(before.PrivateKey))
        {
            _peers.SetKey(key);
        }
    }

    private void Set(TunnelConfig config)
    {
        var effective = WithGuests(config);
        foreach (var moved in _peers.Set(effective.Peers))
        {
            LookUpEndpoint(moved);
        }

        SetRoutes(effective);
        _strangers.Set(config.UnknownPeers);
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

    /// <summary>Forgets guests whose session has ended.</summary>
    private void EndGuests()
    {
        var gone = _guests.FindAll(guest =>
            _peers.Find(guest.PublicKey)?.StateAt(_transport.Now) != PeerState.Connected
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
                $"the peer {guest.DisplayName} was approved once, and its session has ended",
                PeerFacts.Of(guest)
            );
        }
    }

    private void SetRoutes(TunnelConfig config)
    {
        _udp.SetMark(TunnelRoutes.MarkOf(config));
        _routes.Apply(config);
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
                _peers.SetEndpoint(peer, address);
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
        var silent = _peers
            .All.Where(peer => peer.Wire.Counters.BytesOut > 0 && peer.IsSearched(now))
            .Take(MostSearched);
        OnWorker(() => silent.ToList().ForEach(peer => _transport.Engine.BeginHandshake(peer.Wire)));
    }

    private void Report(PeerNews news)
    {
        var peer = news.Peer;
        var name = peer.Config.DisplayName;
        if (peer.Stay is not null)
        {
            _strangers.Report(news);
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
                    $"the peer {name} is {news.Endpoint}",
                    PeerFacts.Of(news)
                );
                break;
            case PeerEvent.EndpointMoved when peer.IsReported:
                _events.Add(
                    EventKind.PeerMoved,
                    EventLevel.Info,
                    _config.Name,
                    $"the peer {name} has moved to {news.Endpoint}",
                    PeerFacts.Of(news)
                );
                break;
            case PeerEvent.HandshakeGivenUp:
                peer.IsReported = false;
                _events.Add(
                    EventKind.PeerUnreachable,
                    EventLevel.Warning,
                    _config.Name,
                    $"the peer {name} at {news.Endpoint} has not answered handshakes for 90 s; "
                        + "the next packet to it begins another",
                    PeerFacts.Of(news)
                );
                break;
        }
    }
}
