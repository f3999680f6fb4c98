using UdpTunnel.Linux;
using UdpTunnel.Relay.Flows;
using UdpTunnel.Relay.Link;
using UdpTunnel.Relay.Wire;
using UdpTunnel.Waiting;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Relay;

/// <summary>
/// How a sender waits while datagrams flow: for the receiver and for all flows' sockets at once, on the thread that connected. Takes the answers of the
/// service and hands what came to the receiver by one write. Lives as long as the connection carries datagrams.
/// </summary>
internal sealed unsafe class ServiceLoop : IDisposable
{
    private const int BatchSize = 64;
    private const int TickInterval = 1000;

    // Above all flow numbers, which have 32 bits.
    private const ulong ConnectionReady = 1UL << 32;

    private readonly SenderConnection _connection;
    private readonly Epoll _epoll = new();
    private uint _watched = EPOLLIN;
    private long _lastTick = RelayTimes.Now;
    private ServiceTargets _targets;

    /// <param name="connection">The connection; the calling thread reads it and writes to it from now on.</param>
    /// <exception cref="LinuxException">The system has no descriptors left, or watches no more of them.</exception>
    public ServiceLoop(SenderConnection connection)
    {
        _connection = connection;
        _targets = connection.Targets;
        if (_epoll.Add(connection.Link.Socket.Descriptor, _watched, ConnectionReady) is var error and not Errno.None)
        {
            _epoll.Dispose();
            throw new LinuxException("cannot watch the connection", error);
        }

        Writer = connection.Link.BeginStreaming();
    }

    /// <summary>Frames to the receiver; they leave when all that came at once was taken.</summary>
    public FrameWriter Writer { get; }

    private RelayCounters Counters => _connection.Counters;

    /// <summary>Carries datagrams.</summary>
    /// <param name="takeRequests">Takes what the receiver has sent; false ends it.</param>
    public void Run(Func<bool> takeRequests)
    {
        using var batch = new ReceiveBatch(BatchSize);
        using var pulse = Pulse.OfThisThread();

        // Some may have been read already.
        var goesOn = takeRequests();
        var ready = 0;
        while (goesOn)
        {
            if (!_connection.Link.Gathers(ready))
            {
                Flush();
            }

            pulse.Waits();
            ready = _connection.Link.Wait(_epoll, TickInterval);
            pulse.Works();
            goesOn = Take(ready, batch, takeRequests);
        }
    }

    /// <summary>Begins to wait for a flow's answers.</summary>
    public Errno Watch(SenderFlow flow) => _epoll.Add(flow.Descriptor, EPOLLIN, flow.Id);

    /// <summary>Ends a flow and closes its socket.</summary>
    public void Close(SenderFlow flow)
    {
        CountBufferDrops(flow);
        ServiceSocket.Close(flow.Descriptor);
        _connection.Flows.End(flow);
    }

    /// <summary>Closes all flows.</summary>
    public void Dispose()
    {
        foreach (var flow in _connection.Flows.All)
        {
            Close(flow);
        }

        _epoll.Dispose();
    }

    private bool Take(int ready, ReceiveBatch batch, Func<bool> takeRequests)
    {
        var now = RelayTimes.Now;
        var goesOn = true;
        for (var i = 0; i < ready; i++)
        {
            var what = _epoll.Data(i);
            if (what == ConnectionReady)
            {
                goesOn = takeRequests();
            }
            else if (_connection.Flows.Find((uint)what) is { } flow)
            {
                Receive(flow, batch, now);
            }
        }

        return goesOn;
    }

    /// <summary>
    /// The services have changed: tells the receiver, and closes the sockets of flows that go elsewhere now. Their next
    /// datagrams open them again.
    /// </summary>
    private void FollowTargets()
    {
        _targets = _connection.Targets;
        if (_connection.Shortcoming is { } shortcoming)
        {
            _connection.End(shortcoming);
            return;
        }

        if (_connection.Link.Version >= 2)
        {
            Writer.AddControl(FrameType.Services, 0, _targets.Offer.Write());
        }

        foreach (var flow in _connection.Flows.All)
        {
            if (!_targets.TryFind(flow.Port, out var target) || !Equals(target, flow.Target))
            {
                Close(flow);
            }
        }
    }

    private void Flush()
    {
        var now = RelayTimes.Now;
        if (!ReferenceEquals(_targets, _connection.Targets))
        {
            FollowTargets();
        }

        if (now - _lastTick >= TickInterval)
        {
            Tick(now);
        }

        Writer.Flush();
        var events = Writer.IsPending ? EPOLLIN | EPOLLOUT : EPOLLIN;
        _ = _epoll.Change(Writer.Socket.Descriptor, _watched, events, ConnectionReady);
        _watched = events;
    }

    private void Receive(SenderFlow flow, ReceiveBatch batch, long now)
    {
        var error = batch.TryReceive(flow.Descriptor);
        if (error != Errno.None)
        {
            if (error is not (Errno.Again or Errno.Interrupted))
            {
                // An ICMP error of this flow alone; asking has cleared it.
                Counters.CountDrop(RelayDropReason.SendFailed);
            }

            return;
        }

        for (var i = 0; i < batch.Count; i++)
        {
            var start = batch.Start(i);
            var left = batch.Length(i);
            var size = Math.Max(1, batch.DatagramSize(i));
            do
            {
                var datagram = Math.Min(left, size);
                Forward(flow, new ReadOnlySpan<byte>(start, datagram), batch.IsTruncated(i), now);
                start += datagram;
                left -= datagram;
            }
            while (left > 0);
        }
    }

    private void Forward(SenderFlow flow, ReadOnlySpan<byte> datagram, bool isTruncated, long now)
    {
        if (isTruncated || datagram.Length > IRelayCodec.MaxDatagram)
        {
            Counters.CountDrop(RelayDropReason.TooBig);
        }
        else if (!Writer.TryAdd(flow.Id, flow.Label, datagram))
        {
            Counters.CountDrop(RelayDropReason.QueueFull);
        }
        else
        {
            flow.CountToClient(datagram.Length, now);
            Counters.CountToClients(1, datagram.Length);
        }
    }

    private void Tick(long now)
    {
        _lastTick = now;
        if (_connection.Liveness.ShouldAsk(now))
        {
            Writer.AddControl(FrameType.Ping, 0, []);
        }

        foreach (var flow in _connection.Flows.All)
        {
            if (now - flow.LastUsed >= _connection.IdleTimeout)
            {
                Writer.AddControl(FrameType.FlowClosed, flow.Id, []);
                Close(flow);
            }
            else if (now - flow.LastUsed <= 2 * TickInterval)
            {
                // Where nothing was received nothing was dropped either.
                CountBufferDrops(flow);
            }
        }
    }

    private void CountBufferDrops(SenderFlow flow)
    {
        var drops = ServiceSocket.BufferDrops(flow.Descriptor);
        Counters.CountDrop(RelayDropReason.BufferFull, drops - flow.BufferDrops);
        flow.BufferDrops = drops;
    }
}
