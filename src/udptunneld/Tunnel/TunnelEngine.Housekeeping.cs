using System.Runtime.CompilerServices;
using UdpTunnel.Events;
using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Packets;
using UdpTunnel.State;

namespace UdpTunnel.Tunnel;

/// <summary>What happens once a second, beside the packet path: rates, offloads and a lost device.</summary>
internal sealed unsafe partial class TunnelEngine
{
    private static readonly long SegmentsRetryMilliseconds = (long)TimeSpan.FromMinutes(1).TotalMilliseconds;
    private static readonly long SessionIntervalMilliseconds = (long)TimeSpan.FromMinutes(1).TotalMilliseconds;

    // All below is touched by Tick alone, which never runs twice at a time, but for the numbers that Status reads.
    private readonly Seen _seen;
    private readonly LimitReport _limits;
    private TrafficTotals _lastTotals;
    private long _lastTick = Environment.TickCount64;
    private long _segmentsRefused;
    private long _sessionSaved;
    private StrongBox<TrafficRates> _rates = new();

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
                _rates.Value.After(_lastTotals, totals, TimeSpan.FromMilliseconds(elapsed)));
        }

        _lastTotals = totals;
        _lastTick = now;
        _addresses.Refresh(now);
        RecreateDevice();
        _udp.FitSendBuffer(now);
        RetrySegments(now);
        _losses.Look(now, totals);
        if (_inbound.HeldFragments + _outbound.HeldFragments > 0)
        {
            _watchUdp.CallAt(now);
        }

        _loop.Look(
            now, _peer.Current?.Endpoint.ToIPEndPoint(), _tun.Name, _outbound.Counters.Drops(DropReason.RoutingLoop));

        // Before as well: who was adopted and displaced between two ticks is told as both.
        TellPeer();
        TellPeer();
        TellClaims(now);
        TellOffloads();
        TellDrops();
        return IsSessionDue(now, totals);
    }

    /// <summary>What a next run should know: the flows, and the peer if it is proven to be there.</summary>
    public Session Session => new(
        _time.GetUtcNow(),
        _peer.Proven?.Endpoint.ToIPEndPoint(),
        Flows);

    /// <summary>The flows that the filter remembers, in no order; none after it was stopped. Off the packet path, which does not wait for it.</summary>
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
            var heard = _peer.LastHeard;
            return new TunnelStatus
            {
                Config = Config,
                State = StateOf(heard),
                Problem = _deviceProblem,
                Device = _tun.Name,
                LocalPort = _udp.LocalPort,
                Started = Started,
                Loop = _loop.Problem,
                Peer = _peer.Current?.Endpoint.ToString() ?? "",
                LastHeard = heard == 0 ? null : _time.GetUtcNow() - TimeSpan.FromMilliseconds(Environment.TickCount64 - heard),
                TunOffloads = _inbound.Merges,
                UdpSegments = _udp.Segments,
                UdpMerges = _udp.Merges,
                Totals = Totals,
                Rates = _rates.Value,
                HeartbeatsOut = _transport.HeartbeatsOut,
                HeartbeatsIn = _inbound.Heartbeats,
                PeerChanges = _peer.Changes,
                LookUps = _resolver?.LookUps ?? 0,
                LookUpFailures = _resolver?.Failures ?? 0,
                Flows = _filter.FlowCount((uint)(Environment.TickCount64 / 1000)),
                Drops = Drops(),
            };
        }
    }

    private TrafficTotals Totals =>
        new(_outbound.Counters.Packets, _outbound.Counters.Bytes, _inbound.Counters.Packets, _inbound.Counters.Bytes);

    private TunnelState StateOf(long heard)
    {
        if (_deviceProblem.Length > 0)
        {
            return TunnelState.DeviceLost;
        }

        if (_peer.Current is null && !Config.IsServer)
        {
            return TunnelState.Resolving;
        }

        return heard == 0 ? TunnelState.Waiting : TunnelState.Running;
    }

    private List<(DropReason Reason, Direction Direction, long Packets)> Drops()
    {
        var drops = new List<(DropReason, Direction, long)>();
        foreach (var reason in Enum.GetValues<DropReason>())
        {
            Add(Direction.Out, _outbound.Counters.Drops(reason), reason);
            Add(Direction.In, _inbound.Counters.Drops(reason), reason);
        }

        return drops;

        void Add(Direction direction, long packets, DropReason reason)
        {
            if (packets > 0)
            {
                drops.Add((reason, direction, packets));
            }
        }
    }

    private void Restore(Session session)
    {
        // A clock that was set back must not make flows older than they are, nor wrap their age around.
        var since = (uint)Math.Clamp((_time.GetUtcNow() - session.Saved).TotalSeconds, 0, FlowLifetimes.Longest);
        foreach (var flow in session.Flows.OrderByDescending(f => f.Age))
        {
            _filter.Restore(flow with { Age = flow.Age + since }, (uint)(Environment.TickCount64 / 1000));
        }

        // A client asks its resolver; a server would otherwise have to wait for the next heartbeat.
        if (Config.IsServer && session.Peer is { } peer)
        {
            _peer.Move(_udp.ToEndpoint(peer));
            _seen.Peer = _peer.Current;
        }
    }

    /// <summary>Makes the device again that somebody deleted. Tried with each tick until there is one.</summary>
    private void RecreateDevice()
    {
        if (!_deviceLost)
        {
            return;
        }

        if (_deviceProblem.Length == 0)
        {
            _deviceProblem = $"device {_tun.Name} is gone";
            _events.Add(EventKind.DeviceLost, EventLevel.Error, Config.Name, $"{_deviceProblem}; making it again");
        }

        try
        {
            _tun.Recreate();
            _devices[_tun.Index] = Config.Name;
            Resources.Configure(_tun, Config);
            _deviceLost = false;
            _watchTun.Resume();
            _deviceProblem = "";
            _events.Add(EventKind.DeviceRecreated, EventLevel.Info, Config.Name, $"device {_tun.Name} is there again");
        }
        catch (LinuxException e)
        {
            _deviceLost = true;
            _deviceProblem = e.Message;
        }
    }

    private void RetrySegments(long now)
    {
        if (_udp.Segments)
        {
            _segmentsRefused = now;
        }
        else if (now - _segmentsRefused >= SegmentsRetryMilliseconds)
        {
            // What refused them may have been the path of that moment; a refused run costs one system call and loses nothing.
            _udp.RetrySegments();
            _segmentsRefused = now;
        }
    }

    private bool IsSessionDue(long now, in TrafficTotals totals)
    {
        var isNew = _filter.Generation != _seen.Generation || !ReferenceEquals(_peer.Proven, _seen.SavedPeer);

        // Flows that go on are used again and again: what was saved about them must not look expired.
        var isOld = now - _sessionSaved >= SessionIntervalMilliseconds && totals != _seen.SavedTotals;
        if (!isNew && !isOld)
        {
            return false;
        }

        _seen.Generation = _filter.Generation;
        _seen.SavedPeer = _peer.Proven;
        _seen.SavedTotals = totals;
        _sessionSaved = now;
        return true;
    }
}
