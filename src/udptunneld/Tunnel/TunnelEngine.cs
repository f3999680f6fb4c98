// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Runtime.CompilerServices;
using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Filter;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.Memory;
using UdpTunnel.Packets;
using UdpTunnel.State;
using UdpTunnel.Tunnel.Secure;

namespace UdpTunnel.Tunnel;

/// <summary>
/// One running tunnel: its device, socket, filter and firewall table, what it speaks, and the worker that serves it.
/// Tunnels share workers and nothing else.
/// </summary>
internal sealed class TunnelEngine : IDisposable
{
    private readonly EventLog _events;
    private readonly TimeProvider _time;
    private readonly ITunnelProtocol _protocol;
    private readonly ITransport _transport;
    private readonly ITun _tun;
    private readonly IUdp _udp;
    private readonly PortFilter _filter;
    private readonly Firewall? _firewall;
    private readonly Outbound _outbound;
    private readonly Inbound _inbound;
    private readonly Scope _scope;
    private readonly HostAddresses _addresses;
    private readonly AddressRules _rules;
    private readonly Replies _replies;
    private readonly PathMtuDiscovery _paths;
    private readonly DeviceMtu _mtu;
    private readonly KernelLosses _losses;
    private readonly RouteLoop _loop;
    private readonly Worker _worker;
    private readonly Watch _watchTun;
    private readonly Watch _watchUdp;
    private readonly DeviceCare _device;
    private readonly AddedRoutes _added;
    private readonly DeviceBinding _binding;
    private readonly Misfits _misfits;
    private readonly TunnelReport _report;
    private readonly WorkerNotes _notes;
    private readonly SessionSchedule _schedule = new();
    private readonly Lock _disposing = new();
    private long _due = long.MaxValue;
    private volatile string? _failure;
    private TunnelStatus? _lastStatus;

    // All below is touched by Tick alone, which never runs twice at a time, but for the rates that Status reads.
    private TrafficTotals _lastTotals;
    private long _lastTick = Environment.TickCount64;
    private StrongBox<TrafficRates> _rates = new();

    private TunnelEngine(
        TunnelConfig config,
        Resources resources,
        ITunnelProtocol protocol,
        Scope scope,
        Session? session,
        WorkerPool workers,
        HostAddresses addresses,
        NetworkChanges changes,
        EventLog events,
        TimeProvider time
    )
    {
        Config = config;
        Started = time.GetUtcNow();
        _scope = scope;
        _addresses = addresses;
        _events = events;
        _time = time;
        _tun = resources.Tun;
        _udp = resources.Udp;
        _firewall = resources.Firewall;
        _protocol = protocol;
        _transport = protocol.Transport;
        _filter = scope.Own(
            new PortFilter(config.AllowedPorts, config.FlowTableSize, _transport.Versions, LifetimesOf(config))
        );
        _rules = new AddressRules(addresses, config.AllowedSources, config.AllowedDestinations);
        _notes = new WorkerNotes(events.Debug, config.Name);
        Secure?.Notes = _notes;
        _paths = scope.Own(new PathMtuDiscovery(_transport, _udp) { Notes = _notes });
        _outbound = scope.Own(new Outbound(_transport, _filter, _udp, protocol.Outgoing) { Paths = _paths });

        // The worker must have let go before what it would use is closed.
        _worker = workers.Take();
        scope.AtEnd(() => workers.Return(_worker));
        _replies = scope.Own(new Replies(_transport, _udp, _tun, addresses) { Rejects = config.Reject });
        _outbound.Replies = _replies;
        _inbound = new Inbound(_transport, _filter, _rules, _tun, _worker.Coalescer)
        {
            Paths = _paths,
            Replies = _replies,
        };
        _mtu = new DeviceMtu(_tun, config, _paths);
        _mtu.OnDeviceMade();
        _losses = new KernelLosses(_tun, _udp, _outbound, _inbound);
        _loop = new RouteLoop(config.Name, events);
        _binding = new DeviceBinding(config.BindDevice, _udp, config.Name, events);
        Taps = scope.Own(new PacketTaps(_inbound, _outbound));
        _report = new TunnelReport(config.Name, _outbound, _inbound, _udp, _filter, events, time);
        _added = new AddedRoutes(config.Name, _tun, protocol.HasRoute, changes, events);
        _misfits = new Misfits(_tun, _inbound, _rules, protocol, _added, changes);
        _device = new DeviceCare(_tun, config, workers.Devices, OnDeviceMade, events);
        if (session is not null)
        {
            Restore(session);
        }

        var owner = new WatchOwner(config.Name, OnFailed);
        _watchTun = scope.Own(_worker.Watch(_tun.Descriptor, owner, OnPackets));
        _watchUdp = scope.Own(_worker.Watch(_udp.Descriptor, owner, OnMessages, OnDue));
        _watchUdp.CallAt(Environment.TickCount64);
        protocol.Start(OnWorker);
    }

    /// <summary>What it does; only what needs no restart changes while it runs.</summary>
    public TunnelConfig Config { get; private set; }

    /// <summary>When it started.</summary>
    public DateTimeOffset Started { get; }

    /// <summary>Those who capture its packets.</summary>
    public PacketTaps Taps { get; }

    /// <summary>What it speaks, if that is the WireGuard protocol; else null.</summary>
    public SecureProtocol? Secure => _protocol as SecureProtocol;

    /// <summary>Name of the device.</summary>
    public string Device => _tun.Name;

    /// <summary>Why it carries packets no longer, after an error that nobody expected; null while it does.</summary>
    public string? Failure => _failure;

    /// <summary>
    /// What a next run should know: the flows, the peers as far as they are proven to be there, and the routes that
    /// somebody has added.
    /// </summary>
    public Session Session
    {
        get
        {
            _added.Look();
            return _protocol.Save(new Session(_time.GetUtcNow(), null, Flows)) with { Routes = _added.Current };
        }
    }

    /// <summary>
    /// The flows that the filter remembers, in no order; none after it was stopped. Off the packet path, which does not
    /// wait for it.
    /// </summary>
    public IReadOnlyList<RememberedFlow> Flows => _filter.Flows((uint)(Environment.TickCount64 / 1000));

    /// <summary>How it is at this moment, or was when it was stopped.</summary>
    public TunnelStatus Status
    {
        get
        {
            // The counters of flows are native memory, which must not be freed while they are read.
            lock (_disposing)
            {
                return _lastStatus ?? CurrentStatus;
            }
        }
    }

    private TunnelStatus CurrentStatus
    {
        get
        {
            var status = _protocol.Describe(
                new TunnelStatus
                {
                    Config = Config,
                    State = TunnelState.Running,
                    Problem = _device.Problem,
                    Device = _tun.Name,
                    Mtu = _mtu.Current,
                    MtuSource = _mtu.Source,
                    LocalPort = _udp.LocalPort,
                    Started = Started,
                    Loop = _loop.Problem,
                    Binding = _binding.Problem,
                    Overlap = _misfits.Overlap,
                    Misfits = _misfits.Found,
                    TunOffloads = _inbound.Merges,
                    UdpSegments = _udp.Segments,
                    UdpMerges = _udp.Merges,
                    Totals = Totals,
                    Rates = _rates.Value,
                    HeartbeatsIn = _inbound.Heartbeats,
                    Flows = _filter.FlowCount((uint)(Environment.TickCount64 / 1000)),
                    Drops = DirectionCounters.Drops(_outbound.Counters, _inbound.Counters),
                }
            );
            return status.Problem.Length > 0 ? status with { State = TunnelState.DeviceLost } : status;
        }
    }

    private TrafficTotals Totals =>
        new(_outbound.Counters.Packets, _outbound.Counters.Bytes, _inbound.Counters.Packets, _inbound.Counters.Bytes);

    /// <summary>Sets everything up and starts; when this returns the tunnel runs.</summary>
    /// <param name="config">What to do.</param>
    /// <param name="key">This end's private key, if the protocol has one.</param>
    /// <param name="session">What a run before knew, or null.</param>
    /// <param name="workers">Who serves it.</param>
    /// <param name="addresses">The addresses of this host.</param>
    /// <param name="changes">Tells when these or its routes have changed.</param>
    /// <param name="events">Where to tell what happens.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="RequestException">Something was refused; nothing is left behind.</exception>
    public static TunnelEngine Start(
        TunnelConfig config,
        SecretKey? key,
        Session? session,
        WorkerPool workers,
        HostAddresses addresses,
        NetworkChanges changes,
        EventLog events,
        TimeProvider time
    )
    {
        var scope = new Scope();
        try
        {
            var resources = Resources.Open(config, scope, workers.Devices, workers.Ports);
            addresses.Refresh(Environment.TickCount64, force: true);
            var protocol = scope.Own(ProtocolOf(config, key, resources, events, time));
            return new TunnelEngine(
                config,
                resources,
                protocol,
                scope,
                session,
                workers,
                addresses,
                changes,
                events,
                time
            );
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

    /// <summary>
    /// Changes what can be changed while packets flow: ports, networks, peers, heartbeat, lifetimes of flows, answers
    /// to dropped packets.
    /// </summary>
    /// <exception cref="RequestException">It is refused; everything is as before.</exception>
    public void Apply(TunnelConfig config)
    {
        var ports = Resources.PortsOf(config);
        var before = Resources.PortsOf(Config);
        SetFirewall(ports, before);
        try
        {
            _protocol.Apply(config);
        }
        catch (RequestException)
        {
            SetFirewall(before, ports);
            throw;
        }

        if (!config.AllowedPorts.Equals(Config.AllowedPorts))
        {
            _filter.Ports = config.AllowedPorts;
        }

        _filter.SetLifetimes(LifetimesOf(config));
        _replies.Rejects = config.Reject;
        _rules.Limit(config.AllowedSources, config.AllowedDestinations);
        _watchUdp.CallAt(Environment.TickCount64);
        Config = config;
    }

    /// <summary>What would become of a packet now.</summary>
    /// <param name="flow">Its protocol, source and destination.</param>
    /// <exception cref="IOException">The kernel does not tell a route.</exception>
    public PacketTrace Trace(Flow flow) => PacketTrace.Of(Status, _filter, _addresses, flow);

    /// <summary>Sends an echo request into the tunnel and waits for its answer.</summary>
    /// <param name="source">This end's inner address.</param>
    /// <param name="destination">Who is asked; of the same family.</param>
    /// <param name="timeout">How long it waits.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<EchoResult> PingAsync(
        IPAddress source,
        IPAddress destination,
        TimeSpan timeout,
        CancellationToken cancellationToken
    )
    {
        var echo = new Echo(source, destination, (ulong)Random.Shared.NextInt64());
        Taps.Add(echo);
        try
        {
            await OnWorker(() => Send(echo));
            return await echo.Result.WaitAsync(timeout, _time, cancellationToken);
        }
        catch (TimeoutException)
        {
            return default;
        }
        finally
        {
            Taps.Remove(echo);
        }
    }

    /// <summary>Number of the device; null while there is none.</summary>
    public int? Link => _device.IsLost ? null : _tun.Index;

    /// <summary>Called about once a second.</summary>
    /// <returns>Whether what <see cref="Session"/> gives has changed enough to be saved.</returns>
    public bool Tick()
    {
        var now = Environment.TickCount64;
        var totals = Totals;
        var elapsed = now - _lastTick;
        if (elapsed > 0)
        {
            _rates = new StrongBox<TrafficRates>(
                _rates.Value.After(_lastTotals, totals, TimeSpan.FromMilliseconds(elapsed))
            );
        }

        _lastTotals = totals;
        _lastTick = now;
        _addresses.Refresh(now);
        _device.Tick(_watchTun);
        _added.Tick(now);
        _binding.Tick(now);
        _misfits.Tick(now, Config);
        _udp.FitSendBuffer(now);
        _losses.Look(now, totals);
        _mtu.Look(now, totals, _protocol.Peers);
        if (_inbound.HeldFragments + _outbound.HeldFragments > 0)
        {
            _watchUdp.CallAt(now);
        }

        if (Config.BindDevice is null)
        {
            _loop.Look(
                now,
                _protocol.Peers,
                TunnelRoutes.MarkOf(Config),
                _tun.Name,
                _outbound.Counters.Drops(DropReason.RoutingLoop)
            );
        }

        _protocol.Report(now);
        _report.Tick();
        _notes.Write();
        return _schedule.IsDue(now, _filter.Generation, _protocol.Changes + _added.Changes, totals);
    }

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
            _events.Add(
                EventKind.TunnelFailed,
                EventLevel.Error,
                Config.Name,
                $"was not closed in full: {e.Message}",
                new EventFacts { Problem = e.Message }
            );
        }
    }

    private static FlowLifetimes LifetimesOf(TunnelConfig config) =>
        new((uint)config.TcpIdleTimeout.TotalSeconds, (uint)config.UdpIdleTimeout.TotalSeconds);

    /// <summary>
    /// A handler has thrown: neither is called any more, and the host ends the tunnel at its next tick and tries it
    /// again. On the worker's thread.
    /// </summary>
    private void OnFailed(Exception e)
    {
        _failure = $"an unexpected error: {e.GetType().Name}: {e.Message}";
        _worker.Abandon(_watchTun);
        _worker.Abandon(_watchUdp);
    }

    private static ITunnelProtocol ProtocolOf(
        TunnelConfig config,
        SecretKey? key,
        Resources resources,
        EventLog events,
        TimeProvider time
    ) =>
        config.Protocol == TunnelProtocol.WireGuard
            ? new SecureProtocol(config, key!, resources.Tun, resources.Udp, events, time, BootClock.Milliseconds)
            : new ClassicProtocol(config, resources.Tun, resources.Udp, events, time);

    private void SetFirewall(PortSet ports, PortSet before)
    {
        if (ports.Equals(before))
        {
            return;
        }

        try
        {
            _firewall?.SetPorts(ports);
        }
        catch (FirewallException e)
        {
            throw new RequestException(Fault.FirewallRefused, e.Message);
        }
    }

    /// <summary>The device has packets, or is gone. On the worker's thread.</summary>
    private void OnPackets(Watch watch)
    {
        if (!SendPackets())
        {
            _device.OnLost(watch);
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
        _paths.Advance(now);
        _inbound.Expire(now);
        _outbound.Expire(now);
        _due = Due;
        watch.CallAt(_due);
    }

    /// <summary>When the worker has something to do though nothing comes.</summary>
    private long Due => Math.Min(_transport.Due, _paths.Due);

    /// <summary>Has the worker do something with the transport.</summary>
    private Task OnWorker(Action action) =>
        _worker.RunAsync(() =>
        {
            _transport.Advance(Environment.TickCount64);
            action();
            CallEarlierIfDue();
        });

    /// <summary>The worker's work may have brought the next time closer. On the worker's thread.</summary>
    private void CallEarlierIfDue()
    {
        var due = Due;
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

    /// <summary>Sends a packet of our own as if it came from the device. On the worker's thread.</summary>
    private unsafe void Send(Echo echo)
    {
        var packets = _worker.Packets;
        packets.Clear();
        new Span<byte>(packets.Target(0), VirtioNetHeader.Size).Clear();
        packets.Accept(VirtioNetHeader.Size + echo.Write(packets.Packet(0)));
        _worker.Carried.Count(0, _outbound.Process(packets, Environment.TickCount64));
        packets.Clear();
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

    /// <summary>A device that was made again gets the MTU and the routes that it had.</summary>
    private void OnDeviceMade()
    {
        _mtu.OnDeviceMade();
        _protocol.OnDeviceMade();
        _added.Restore();
    }

    private void Restore(Session session)
    {
        _added.Restore(session.Routes);
        var numbers = _protocol.Restore(session);

        // A clock that was set back must not make flows older than they are, nor wrap their age around.
        var since = (uint)Math.Clamp((_time.GetUtcNow() - session.Saved).TotalSeconds, 0, FlowLifetimes.Longest);
        foreach (var flow in session.Flows.OrderByDescending(f => f.Age))
        {
            if (numbers.TryGetValue(flow.Peer, out var peer))
            {
                _filter.Restore(
                    flow with
                    {
                        Age = flow.Age + since,
                        Peer = peer,
                    },
                    (uint)(Environment.TickCount64 / 1000)
                );
            }
        }
    }

    /// <summary>
    /// When what is kept over a restart is saved: whenever there is something new, and once a minute while packets
    /// flow.
    /// </summary>
    private sealed class SessionSchedule
    {
        private static readonly long Interval = (long)TimeSpan.FromMinutes(1).TotalMilliseconds;

        private long _saved;
        private long _generation;
        private long _changes;
        private TrafficTotals _totals;

        public bool IsDue(long now, long generation, long changes, in TrafficTotals totals)
        {
            var isNew = generation != _generation || changes != _changes;

            // Flows that go on are used again and again: what was saved about them must not look expired.
            var isOld = now - _saved >= Interval && totals != _totals;
            if (!isNew && !isOld)
            {
                return false;
            }

            _generation = generation;
            _changes = changes;
            _totals = totals;
            _saved = now;
            return true;
        }
    }
}
