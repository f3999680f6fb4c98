// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Memory;
using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>
/// What the packets of one tunnel meet: the filter and the ways out and in, in the hands of a worker. Packets of the
/// device go out, messages of the socket come in, and what is due is done.
/// </summary>
internal sealed class PacketPath
{
    private readonly Worker _worker;
    private readonly ITun _tun;
    private readonly IUdp _udp;
    private readonly ITransport _transport;
    private readonly Scope _scope;
    private readonly Replies _replies;

    // The worker may call before Start has them.
    private Watch? _watchTun;
    private Watch? _watchUdp;
    private long _due = long.MaxValue;
    private volatile string? _failure;

    /// <summary>Makes it; packets flow after <see cref="Start"/>.</summary>
    /// <param name="config">The tunnel.</param>
    /// <param name="resources">Its device and socket.</param>
    /// <param name="protocol">What it speaks.</param>
    /// <param name="scope">Owns what is made here.</param>
    /// <param name="services">Has the worker.</param>
    /// <param name="notes">Where the worker leaves what is worth a line of the log.</param>
    public PacketPath(
        TunnelConfig config,
        Resources resources,
        ITunnelProtocol protocol,
        Scope scope,
        TunnelServices services,
        WorkerNotes notes
    )
    {
        _tun = resources.Tun;
        _udp = resources.Udp;
        _transport = protocol.Transport;
        _scope = scope;
        Filter = scope.Own(
            new PortFilter(config.AllowedPorts, config.FlowTableSize, _transport.Versions, LifetimesOf(config))
        );
        Rules = new AddressRules(services.Addresses, config.AllowedSources, config.AllowedDestinations);
        Paths = scope.Own(new PathMtuDiscovery(_transport, _udp) { Notes = notes });
        Outbound = scope.Own(new Outbound(_transport, Filter, _udp, protocol.Outgoing) { Paths = Paths });

        // The worker must have let go before what it would use is closed.
        _worker = services.Workers.Take();
        scope.AtEnd(() => services.Workers.Return(_worker));
        _replies = scope.Own(new Replies(_transport, _udp, _tun, services.Addresses) { Rejects = config.Reject });
        Outbound.Replies = _replies;
        Inbound = new Inbound(_transport, Filter, Rules, _tun, _worker.Coalescer) { Paths = Paths, Replies = _replies };
        Taps = scope.Own(new PacketTaps(Inbound, Outbound));
    }

    /// <summary>The port filter.</summary>
    public PortFilter Filter { get; }

    /// <summary>Which inner addresses may be used.</summary>
    public AddressRules Rules { get; }

    /// <summary>Finds out how large datagrams to the peers may be.</summary>
    public PathMtuDiscovery Paths { get; }

    /// <summary>The way out.</summary>
    public Outbound Outbound { get; }

    /// <summary>The way in.</summary>
    public Inbound Inbound { get; }

    /// <summary>Those who capture packets.</summary>
    public PacketTaps Taps { get; }

    /// <summary>Why it carries packets no longer, after an error that nobody expected; null while it does.</summary>
    public string? Failure => _failure;

    /// <summary>What was carried. For any thread.</summary>
    public TrafficTotals Totals =>
        new(Outbound.Counters.Packets, Outbound.Counters.Bytes, Inbound.Counters.Packets, Inbound.Counters.Bytes);

    /// <summary>When the worker has something to do though nothing comes.</summary>
    private long Due => Math.Min(_transport.Due, Paths.Due);

    /// <summary>Begins: packets flow when this returns.</summary>
    /// <param name="name">The tunnel.</param>
    /// <param name="device">Who has to know that the device is gone.</param>
    /// <exception cref="IOException">The kernel refuses to watch device or socket, or the worker has failed.</exception>
    public void Start(string name, DeviceCare device)
    {
        var owner = new WatchOwner(name, OnFailed);
        _watchTun = _scope.Own(_worker.Watch(_tun.Descriptor, owner, watch => OnPackets(watch, device)));
        _watchUdp = _scope.Own(_worker.Watch(_udp.Descriptor, owner, OnMessages, OnDue));
        CallSoon();
    }

    /// <summary>Changes what can be changed while packets flow.</summary>
    public void Apply(TunnelConfig config, TunnelConfig before)
    {
        if (!config.AllowedPorts.Equals(before.AllowedPorts))
        {
            Filter.Ports = config.AllowedPorts;
        }

        Filter.SetLifetimes(LifetimesOf(config));
        _replies.Rejects = config.Reject;
        Rules.Limit(config.AllowedSources, config.AllowedDestinations);
        CallSoon();
    }

    /// <summary>Adds what was carried, what was not, and how.</summary>
    public TunnelStatus Describe(TunnelStatus status) =>
        status with
        {
            LocalPort = _udp.LocalPort,
            TunOffloads = Inbound.Merges,
            UdpSegments = _udp.Segments,
            UdpMerges = _udp.Merges,
            Totals = Totals,
            HeartbeatsIn = Inbound.Heartbeats,
            Flows = Filter.FlowCount((uint)(Environment.TickCount64 / 1000)),
            Drops = DirectionCounters.Drops(Outbound.Counters, Inbound.Counters),
        };

    /// <summary>Has the worker look at what is due. For any thread.</summary>
    public void CallSoon() => _watchUdp?.CallAt(Environment.TickCount64);

    /// <summary>Has the worker do something with the transport.</summary>
    public Task RunAsync(Action action) =>
        _worker.RunAsync(() =>
        {
            _transport.Advance(Environment.TickCount64);
            action();
            CallEarlierIfDue();
        });

    /// <summary>Sends a packet of our own as if it came from the device.</summary>
    public Task SendAsync(Echo echo) => RunAsync(() => Send(echo));

    private static FlowLifetimes LifetimesOf(TunnelConfig config) =>
        new((uint)config.TcpIdleTimeout.TotalSeconds, (uint)config.UdpIdleTimeout.TotalSeconds);

    /// <summary>
    /// A handler has thrown: neither is called any more, and the host ends the tunnel at its next tick and tries it
    /// again. On the worker's thread.
    /// </summary>
    private void OnFailed(Exception e)
    {
        _failure = $"an unexpected error: {e.GetType().Name}: {e.Message}";
        Abandon(_watchTun);
        Abandon(_watchUdp);

        void Abandon(Watch? watch)
        {
            if (watch is not null)
            {
                _worker.Abandon(watch);
            }
        }
    }

    /// <summary>The device has packets, or is gone. On the worker's thread.</summary>
    private void OnPackets(Watch watch, DeviceCare device)
    {
        if (!SendPackets())
        {
            device.OnLost(watch);
        }

        CallEarlierIfDue();
    }

    /// <summary>The socket has messages, or an error, which passes. On the worker's thread.</summary>
    private void OnMessages(Watch watch)
    {
        if (_udp.Receive(_worker.Messages))
        {
            _worker.Carried.Count(Inbound.Process(_worker.Messages, Environment.TickCount64), 0);

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
        Paths.Advance(now);
        Inbound.Expire(now);
        Outbound.Expire(now);
        _due = Due;
        watch.CallAt(_due);
    }

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

    private unsafe void Send(Echo echo)
    {
        var packets = _worker.Packets;
        packets.Clear();
        new Span<byte>(packets.Target(0), VirtioNetHeader.Size).Clear();
        packets.Accept(VirtioNetHeader.Size + echo.Write(packets.Packet(0)));
        _worker.Carried.Count(0, Outbound.Process(packets, Environment.TickCount64));
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
            _worker.Carried.Count(0, Outbound.Process(_worker.Packets, Environment.TickCount64));
        }

        return true;
    }
}
