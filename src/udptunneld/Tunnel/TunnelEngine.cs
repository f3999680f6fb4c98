using System.Buffers.Binary;
using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Filter;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.Memory;
using UdpTunnel.State;

namespace UdpTunnel.Tunnel;

/// <summary>
/// One running tunnel: its device, socket, filter and firewall table, the worker that serves it, and for a client the look-ups of its server's name.
/// Tunnels share workers and nothing else.
/// </summary>
internal sealed unsafe partial class TunnelEngine : IDisposable
{
    private readonly EventLog _events;
    private readonly TimeProvider _time;
    private readonly ClassicTransport _transport;
    private readonly ITun _tun;
    private readonly IUdp _udp;
    private readonly PortFilter _filter;
    private readonly Firewall? _firewall;
    private readonly Peer _peer = new();
    private readonly Outbound _outbound;
    private readonly Inbound _inbound;
    private readonly ServerResolver? _resolver;
    private readonly CancellationTokenSource _stop = new();
    private readonly Scope _scope;
    private readonly HostAddresses _addresses;
    private readonly AddressRules _rules;
    private readonly Replies _replies;
    private readonly KernelLosses _losses;
    private readonly RouteLoop _loop;
    private readonly Worker _worker;
    private readonly System.Collections.Concurrent.ConcurrentDictionary<int, string> _devices;
    private readonly Watch _watchTun;
    private readonly Watch _watchUdp;
    private readonly Task _resolving = Task.CompletedTask;
    private readonly Lock _disposing = new();
    private long _due = long.MaxValue;
    private volatile bool _deviceLost;
    private volatile string _deviceProblem = "";
    private TunnelStatus? _lastStatus;

    private TunnelEngine(
        TunnelConfig config,
        Resources resources,
        Scope scope,
        Session? session,
        WorkerPool workers,
        HostAddresses addresses,
        EventLog events,
        TimeProvider time)
    {
        Config = config;
        Started = time.GetUtcNow();
        _scope = scope;
        _addresses = addresses;
        _devices = workers.Devices;
        _events = events;
        _time = time;
        _tun = resources.Tun;
        _udp = resources.Udp;
        _firewall = resources.Firewall;
        _filter = scope.Own(new PortFilter(config.AllowedPorts, config.FlowTableSize, lifetimes: Lifetimes(config)));
        _rules = new AddressRules(addresses, config.AllowedSources, config.AllowedDestinations);
        var inner = BinaryPrimitives.ReadUInt32BigEndian(config.TunnelAddress.Address.GetAddressBytes());
        _transport = scope.Own(new ClassicTransport(config.PacketMagic, _udp, _peer, config.IsServer, inner)
        {
            HeartbeatInterval = config.HeartbeatInterval,
        });
        _outbound = scope.Own(new Outbound(_transport, _filter, _udp, config.Mtu));
        _limits = new LimitReport(events, time, config.Name);
        scope.Own(_stop);
        scope.AtEnd(() => _resolving.Wait());

        // The worker must have let go before what it would use is closed.
        _worker = workers.Take();
        scope.AtEnd(() => workers.Return(_worker));
        _replies = scope.Own(new Replies(_transport, _udp, _tun, addresses) { Rejects = config.Reject });
        _outbound.Replies = _replies;
        _inbound = new Inbound(_transport, _filter, _rules, _tun, _worker.Coalescer)
        {
            Replies = _replies,
            Answering = config.IsServer ? _udp : null,
        };
        _losses = new KernelLosses(_tun, _udp, _outbound, _inbound);
        _loop = new RouteLoop(config.Name, events);
        Taps = scope.Own(new PacketTaps(_inbound, _outbound));
        _seen = new Seen(_udp.Segments, _inbound.Merges);
        if (session is not null)
        {
            Restore(session);
        }

        if (!config.IsServer)
        {
            _resolver = new ServerResolver(config.NetworkAddress, config.Name, events, time, LookUp, LinkName.WithZone, OnServerFound);
        }

        _watchTun = scope.Own(_worker.Watch(_tun.Descriptor, OnPackets));
        _watchUdp = scope.Own(_worker.Watch(_udp.Descriptor, OnMessages, OnDue));
        _watchUdp.CallAt(Environment.TickCount64);
        scope.AtEnd(_stop.Cancel);
        _resolving = _resolver?.RunAsync(_stop.Token) ?? Task.CompletedTask;
    }

    /// <summary>What it does; only ports, networks and heartbeat change while it runs.</summary>
    public TunnelConfig Config { get; private set; }

    /// <summary>When it started.</summary>
    public DateTimeOffset Started { get; }

    /// <summary>Those who capture its packets.</summary>
    public PacketTaps Taps { get; }

    /// <summary>Name of the device.</summary>
    public string Device => _tun.Name;

    /// <summary>Sets everything up and starts; when this returns the tunnel runs.</summary>
    /// <param name="config">What to do.</param>
    /// <param name="session">What a run before knew, or null.</param>
    /// <param name="workers">Who serves it.</param>
    /// <param name="addresses">The addresses of this host.</param>
    /// <param name="events">Where to tell what happens.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="RequestException">Something was refused; nothing is left behind.</exception>
    public static TunnelEngine Start(
        TunnelConfig config, Session? session, WorkerPool workers, HostAddresses addresses, EventLog events, TimeProvider time)
    {
        var scope = new Scope();
        try
        {
            var resources = Resources.Open(config, scope, workers.Devices);
            addresses.Refresh(Environment.TickCount64, force: true);
            return new TunnelEngine(config, resources, scope, session, workers, addresses, events, time);
        }
        catch (IOException e)
        {
            scope.Dispose();
            throw new RequestException(Fault.System, e.Message);
        }
        catch
        {
            scope.Dispose();
            throw;
        }
    }

    /// <summary>Changes what can be changed while packets flow: ports, networks and heartbeat.</summary>
    /// <exception cref="RequestException">The firewall table cannot be changed; everything is as before.</exception>
    public void Apply(TunnelConfig config)
    {
        if (!config.AllowedPorts.Equals(Config.AllowedPorts))
        {
            try
            {
                _firewall?.SetPorts(config.AllowedPorts);
            }
            catch (FirewallException e)
            {
                throw new RequestException(Fault.FirewallRefused, e.Message);
            }

            _filter.Ports = config.AllowedPorts;
        }

        _filter.SetLifetimes(Lifetimes(config));
        _replies.Rejects = config.Reject;

        _transport.HeartbeatInterval = config.HeartbeatInterval;
        _rules.Limit(config.AllowedSources, config.AllowedDestinations);
        _watchUdp.CallAt(Environment.TickCount64);
        Config = config;
    }

    /// <summary>What would become of a packet now.</summary>
    /// <param name="flow">Its protocol, source and destination.</param>
    /// <exception cref="IOException">The kernel does not tell a route.</exception>
    public PacketTrace Trace(Flow flow) => PacketTrace.Of(Status, _filter, _addresses, flow);

    /// <summary>Stops: when this returns, device, socket and firewall table are gone.</summary>
    public void Dispose()
    {
        lock (_disposing)
        {
            if (_lastStatus is not null)
            {
                return;
            }

            _lastStatus = CurrentStatus;
        }

        try
        {
            _scope.Dispose();
        }
        catch (Exception e)
        {
            // What fails is one step; the others were done, and the caller has other tunnels to close.
            _events.Add(EventKind.TunnelFailed, EventLevel.Error, Config.Name, $"was not closed in full: {e.Message}");
        }
    }

    private static FlowLifetimes Lifetimes(TunnelConfig config) =>
        new((uint)config.TcpIdleTimeout.TotalSeconds, (uint)config.UdpIdleTimeout.TotalSeconds);

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

    /// <summary>The device has packets, or is gone. On the worker's thread.</summary>
    private void OnPackets(Watch watch)
    {
        if (!SendPackets())
        {
            // Told and made again by the next tick: that takes locks and time, for which others should not wait.
            watch.Pause();
            _deviceLost = true;
        }

        CallEarlierIfDue();
    }

    /// <summary>The socket has messages, or an error, which passes. On the worker's thread.</summary>
    private void OnMessages(Watch watch)
    {
        if (_udp.Receive(_worker.Messages))
        {
            _worker.Carried.Count(_inbound.Process(_worker.Messages, Environment.TickCount64), 0);

            // The host has answered while the packets were written to its device: acknowledgments, echo replies.
            _ = SendPackets();
        }
        else
        {
            TakeErrors();
        }

        CallEarlierIfDue();
    }

    /// <summary>The transport wanted to be called at this time. On the worker's thread.</summary>
    private void OnDue(Watch watch)
    {
        var now = Environment.TickCount64;
        _transport.Advance(now);
        _inbound.Expire(now);
        _outbound.Expire(now);
        _due = _transport.Due;
        watch.CallAt(_due);
    }

    /// <summary>The worker's work may have brought the transport's next time closer. On the worker's thread.</summary>
    private void CallEarlierIfDue()
    {
        var due = _transport.Due;
        if (due < _due && _watchUdp is { } watch)
        {
            _due = due;
            watch.CallAt(due);
        }
    }

    /// <summary>There are only errors while somebody has to prove something, and little is sent then.</summary>
    private void TakeErrors()
    {
        const int MostAtOnce = 64;
        _transport.Advance(Environment.TickCount64);
        for (var i = 0; i < MostAtOnce && _udp.TakeError(out var endpoint, out var isPortUnreachable); i++)
        {
            if (isPortUnreachable)
            {
                _transport.OnPortUnreachable(endpoint);
            }
        }
    }

    /// <returns>False if the device is gone.</returns>
    private bool SendPackets()
    {
        if (!_tun.Read(_worker.Packets))
        {
            return false;
        }

        if (_worker.Packets.Count > 0)
        {
            _worker.Carried.Count(0, _outbound.Process(_worker.Packets, Environment.TickCount64));
        }

        return true;
    }
}
