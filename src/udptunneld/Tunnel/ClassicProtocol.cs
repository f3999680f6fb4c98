// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.Packets;
using UdpTunnel.State;

namespace UdpTunnel.Tunnel;

/// <summary>
/// The predecessor's protocol: one peer, which a server follows and a client looks up by its name. What is kept of it
/// is where it is proven to be.
/// </summary>
internal sealed class ClassicProtocol : ITunnelProtocol
{
    private static readonly long ClaimIntervalMilliseconds = (long)TimeSpan.FromMinutes(1).TotalMilliseconds;

    private readonly TunnelRoutes _routes;
    private TunnelConfig _config;
    private readonly IUdp _udp;
    private readonly EventLog _events;
    private readonly TimeProvider _time;
    private readonly Peer _peer = new();
    private readonly ClassicTransport _transport;
    private readonly ServerResolver? _resolver;
    private readonly AddressTrial _trial = new();
    private readonly CancellationTokenSource _stop = new();
    private Task _resolving = Task.CompletedTask;

    // The address that was reported last, and the one that was seen proven last, which is worth saving.
    private Peer.Address? _reported;
    private Peer.Address? _proven;
    private long _changes;
    private long _nextClaim;

    /// <param name="config">The tunnel.</param>
    /// <param name="tun">The device, which stays its owner's.</param>
    /// <param name="udp">The socket, which stays its owner's.</param>
    /// <param name="events">Where changes are reported.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="RequestException">A route is taken.</exception>
    public ClassicProtocol(TunnelConfig config, ITun tun, IUdp udp, EventLog events, TimeProvider time)
    {
        _config = config;
        _routes = new TunnelRoutes(tun, udp.LocalPort, config.Name);
        _udp = udp;
        _events = events;
        _time = time;
        var inner = BinaryPrimitives.ReadUInt32BigEndian(config.TunnelAddress.Address.GetAddressBytes());
        _transport = new ClassicTransport(
            config.PacketMagic,
            udp,
            _peer,
            config.IsServer,
            inner,
            config.TunnelAddress.PrefixLength
        )
        {
            HeartbeatInterval = config.HeartbeatInterval,
        };
        Peers = [_peer];
        if (!config.IsServer)
        {
            _resolver = new ServerResolver(
                config.NetworkAddress,
                config.Name,
                events,
                time,
                LookUp,
                LinkName.WithZone,
                OnServerFound
            );
        }

        try
        {
            SetRoutes(config);
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
    public DirectionCounters Outgoing { get; } = new();

    /// <inheritdoc/>
    public IReadOnlyList<Peer> Peers { get; }

    /// <inheritdoc/>
    public long Changes
    {
        get
        {
            if (!ReferenceEquals(_peer.Proven, _proven))
            {
                _proven = _peer.Proven;
                _changes++;
            }

            return _changes;
        }
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<ushort, ushort> Restore(Session session)
    {
        // A client asks its resolver, and keeps an address that worked; a server would otherwise have to wait for the
        // next heartbeat.
        if (session.Peer is { } peer)
        {
            _resolver?.Prefer(peer.Address);
            if (_config.IsServer)
            {
                _peer.Move(_udp.ToEndpoint(peer));
                _reported = _peer.Current;
            }
        }

        return new Dictionary<ushort, ushort> { [_peer.Number] = _peer.Number };
    }

    /// <inheritdoc/>
    public void Start(Func<Action, Task> onWorker) => _resolving = _resolver?.RunAsync(_stop.Token) ?? _resolving;

    /// <inheritdoc/>
    public void Apply(TunnelConfig config)
    {
        try
        {
            SetRoutes(config);
            _transport.HeartbeatInterval = config.HeartbeatInterval;
            _config = config;
        }
        catch (RequestException)
        {
            SetRoutes(_config);
            throw;
        }
    }

    /// <inheritdoc/>
    public void OnDeviceMade() => _routes.Restore(_config);

    /// <inheritdoc/>
    public bool HasRoute(DeviceRoute route) => _routes.Has(route);

    /// <inheritdoc/>
    public Session Save(Session session) => session with { Peer = _peer.Proven?.Endpoint.ToIPEndPoint() };

    /// <inheritdoc/>
    public void Report(long now)
    {
        ReportPeer();
        ReportClaims(now);
        if (_resolver is not null)
        {
            TryAddresses(_resolver, now);
        }
    }

    /// <inheritdoc/>
    public TunnelStatus Describe(TunnelStatus status)
    {
        var heard = _peer.LastHeard;
        DateTimeOffset? lastHeard =
            heard == 0 ? null : _time.GetUtcNow() - TimeSpan.FromMilliseconds(Environment.TickCount64 - heard);
        var endpoint = _peer.Current?.Endpoint.ToString() ?? "";
        return status with
        {
            State =
                endpoint.Length == 0 && !_config.IsServer ? TunnelState.Resolving
                : heard == 0 ? TunnelState.Waiting
                : TunnelState.Running,
            Peer = endpoint,
            Peers =
            [
                new PeerStatus
                {
                    State = heard == 0 ? PeerState.Waiting : PeerState.Connected,
                    Endpoint = endpoint,
                    LastHeard = lastHeard,
                    Traffic = _peer.Traffic,
                    KeepalivesOut = _transport.HeartbeatsOut,
                    KeepalivesIn = status.HeartbeatsIn,
                    PathMtu = _peer.Path.OuterMtu,
                    PacketMtu = _peer.Path.Mtu,
                    EndpointMoves = _peer.Changes,
                },
            ],
            LastHeard = lastHeard,
            HeartbeatsOut = _transport.HeartbeatsOut,
            PeerChanges = _peer.Changes,
            LookUps = _resolver?.LookUps ?? 0,
            LookUpFailures = _resolver?.Failures ?? 0,
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Cancel();
        _resolving.Wait();
        _stop.Dispose();
        _routes.Dispose();
        _transport.Dispose();
    }

    private void SetRoutes(TunnelConfig config)
    {
        _udp.SetMark(TunnelRoutes.MarkOf(config));
        _routes.Apply(config);
    }

    private static Task<IPAddress[]> LookUp(string host, CancellationToken cancellationToken) =>
        Dns.GetHostAddressesAsync(host, cancellationToken);

    private void OnServerFound(IPEndPoint address)
    {
        var before = _peer.Move(_udp.ToEndpoint(address));

        // The server learns our address from the first datagram, and should not have to wait for it.
        if (before.IsNone || !before.ToIPEndPoint().Equals(address))
        {
            _transport.SendHeartbeat();
        }
    }

    /// <summary>Goes on to the next address of the server's name when the one in use does not work.</summary>
    private void TryAddresses(ServerResolver resolver, long now)
    {
        var failures = Outgoing.Drops(DropReason.SendFailed) + _transport.FailedHeartbeats;
        switch (_trial.Look(now, _peer.LastHeard, _transport.UnansweredSince, failures, resolver.Addresses.Length))
        {
            case TrialStep.Ask:
                _transport.AskServer();
                break;
            case TrialStep.LookUp:
                resolver.Hurry();
                break;
            case TrialStep.Leave:
                var before = _peer.Current?.Endpoint.ToString() ?? "";
                if (resolver.TryNext() is { } next)
                {
                    Report(before, next);
                }

                resolver.Hurry();
                break;
        }
    }

    /// <summary>Only the first address that is left is worth an event, until one works again.</summary>
    private void Report(string before, IPEndPoint next)
    {
        if (_trial.Tries == 1)
        {
            var why = _trial.IsRefused ? "cannot be sent to" : "is silent";
            _events.Add(
                EventKind.PeerMoved,
                EventLevel.Warning,
                _config.Name,
                $"{before} {why}; the server is tried at {next}, another address of {_config.NetworkAddress.Host}",
                new EventFacts
                {
                    Endpoint = $"{next}",
                    PreviousEndpoint = before,
                    Host = _config.NetworkAddress.Host,
                }
            );
        }
    }

    private void ReportPeer()
    {
        var current = _peer.Current;
        if (current is null || ReferenceEquals(current, _reported))
        {
            return;
        }

        var before = _reported;
        _reported = current;
        if (before is null)
        {
            _events.Add(
                EventKind.PeerAdopted,
                EventLevel.Info,
                _config.Name,
                $"the peer is {current.Endpoint}",
                new EventFacts { Endpoint = $"{current.Endpoint}" }
            );
        }
        else if (!before.Endpoint.Equals(current.Endpoint) && _config.IsServer)
        {
            _events.Add(
                EventKind.PeerMoved,
                EventLevel.Info,
                _config.Name,
                $"the peer has moved from {before.Endpoint} to {current.Endpoint}",
                new EventFacts { Endpoint = $"{current.Endpoint}", PreviousEndpoint = $"{before.Endpoint}" }
            );
        }
    }

    /// <summary>Once a minute at the most: a stranger must not fill the log.</summary>
    private void ReportClaims(long now)
    {
        var isTold = now >= _nextClaim;
        if (!(isTold || _events.Debug.IsOn) || _transport.TakeRefusedClaim() is not { IsNone: false } claimant)
        {
            return;
        }

        _events.Debug.Write(
            _config.Name,
            $"{claimant} claimed to be the peer; {_peer.Current?.Endpoint} answered, and stays the peer"
        );
        if (!isTold)
        {
            return;
        }

        _nextClaim = now + ClaimIntervalMilliseconds;
        _events.Add(
            EventKind.PeerClaimed,
            EventLevel.Warning,
            _config.Name,
            $"{claimant} sent a datagram with the right magic while the peer {_peer.Current?.Endpoint} answers; "
                + "the peer stays",
            new EventFacts { Endpoint = $"{claimant}", PreviousEndpoint = $"{_peer.Current?.Endpoint}" }
        );
    }
}
