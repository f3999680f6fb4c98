using UdpTunnel.Linux;
using UdpTunnel.Relay.Flows;
using UdpTunnel.Relay.Link;
using UdpTunnel.Relay.Wire;
using UdpTunnel.Service;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Relay;

/// <summary>
/// The sender's thread for answers of the service: waits for all flows' sockets at once and hands what came to the receiver by one write. It alone
/// writes to the connection and closes the flows' sockets. Lives as long as the connection carries datagrams.
/// </summary>
internal sealed unsafe class ServiceLoop : IDisposable
{
    private const int BatchSize = 64;
    private const int TickInterval = 1000;

    // Above all flow numbers, which have 32 bits.
    private const ulong Woken = 1UL << 32;
    private const ulong ConnectionReady = 2UL << 32;

    private readonly SenderConnection _connection;
    private readonly long _idleTimeout;
    private readonly Epoll _epoll = new();
    private readonly WakeSignal _wake;
    private readonly FrameWriter _writer;
    private readonly Thread _thread;
    private volatile bool _stops;
    private bool _watchesConnection;
    private long _lastTick = RelayTimes.Now;

    /// <param name="connection">The connection; this thread writes to it from now on.</param>
    /// <param name="name">Of the relay.</param>
    /// <param name="idleTimeout">Of flows, in milliseconds.</param>
    /// <exception cref="LinuxException">The system has no descriptors left.</exception>
    public ServiceLoop(SenderConnection connection, string name, long idleTimeout)
    {
        _connection = connection;
        _idleTimeout = idleTimeout;
        try
        {
            _wake = new WakeSignal();
        }
        catch
        {
            _epoll.Dispose();
            throw;
        }

        _epoll.Add(_wake.Descriptor, EPOLLIN, Woken);
        _writer = connection.Link.BeginStreaming();
        _thread = new Thread(Run) { IsBackground = true, Name = $"{name} service" };
        _thread.Start();
    }

    /// <summary>What this thread counts.</summary>
    public RelayCounters Counters { get; } = new();

    /// <summary>Begins to wait for a flow's answers. Any thread.</summary>
    public Errno Watch(SenderFlow flow) => _epoll.Add(flow.Descriptor, EPOLLIN, flow.Id);

    /// <summary>There is something to do besides answers. Any thread.</summary>
    public void Wake() => _wake.Raise();

    /// <summary>Stops and closes all flows; the reading thread must be through with them.</summary>
    public void Dispose()
    {
        _stops = true;
        _wake.Raise();
        _thread.Join();
        foreach (var flow in _connection.Flows.Sweep(long.MaxValue, 0))
        {
            Close(flow);
        }

        CloseEnded();
        _epoll.Dispose();
        _wake.Dispose();
    }

    private void Run()
    {
        using var batch = new ReceiveBatch(BatchSize);
        using var pulse = Pulse.OfThisThread();
        while (!_stops)
        {
            pulse.Waits();
            var ready = _connection.Link.Wait(_epoll, TickInterval);
            pulse.Works();
            var now = RelayTimes.Now;
            for (var i = 0; i < ready; i++)
            {
                var what = _epoll.Data(i);
                if (what == Woken)
                {
                    _wake.Clear();
                }
                else if (what < Woken && _connection.Flows.Find((uint)what) is { } flow)
                {
                    Receive(flow, batch, now);
                }
            }

            if (_connection.Link.Gathers(ready))
            {
                continue;
            }

            if (_connection.TakePong())
            {
                _writer.AddControl(FrameType.Pong, 0, []);
            }

            CloseEnded();
            if (now - _lastTick >= TickInterval)
            {
                Tick(now);
            }

            _writer.Flush();
            WatchConnection(_writer.IsPending);
        }
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
        else if (!_writer.TryAdd(flow.Id, flow.Label, datagram))
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
            _writer.AddControl(FrameType.Ping, 0, []);
        }

        foreach (var flow in _connection.Flows.All)
        {
            // Where nothing was received nothing was dropped either.
            if (now - flow.LastUsed <= 2 * TickInterval)
            {
                CountBufferDrops(flow);
            }
        }

        foreach (var flow in _connection.Flows.Sweep(now, _idleTimeout))
        {
            _writer.AddControl(FrameType.FlowClosed, flow.Id, []);
            Close(flow);
        }
    }

    private void CloseEnded()
    {
        while (_connection.Flows.TryTakeEnded(out var flow))
        {
            Close(flow!);
        }
    }

    private void CountBufferDrops(SenderFlow flow)
    {
        var drops = ServiceSocket.BufferDrops(flow.Descriptor);
        Counters.CountDrop(RelayDropReason.BufferFull, drops - flow.BufferDrops);
        flow.BufferDrops = drops;
    }

    private void Close(SenderFlow flow)
    {
        CountBufferDrops(flow);
        ServiceSocket.Close(flow.Descriptor);
        _connection.Flows.Closed(flow);
    }

    /// <summary>Only while bytes wait: a connection whose peer is gone is always ready.</summary>
    private void WatchConnection(bool watch)
    {
        if (watch == _watchesConnection)
        {
            return;
        }

        _watchesConnection = watch;
        if (watch)
        {
            _epoll.Add(_writer.Socket.Descriptor, EPOLLOUT, ConnectionReady);
        }
        else
        {
            _epoll.Remove(_writer.Socket.Descriptor);
        }
    }
}
