using UdpTunnel.Linux;
using UdpTunnel.Relay.Flows;
using UdpTunnel.Relay.Link;
using UdpTunnel.Relay.Wire;
using UdpTunnel.Service;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Relay;

/// <summary>
/// The receiver's thread for datagrams from clients: takes what is there and hands all of it to the sender by one write. It alone opens and ends flows, writes to the connection that is let in, and closes the ones that were.
/// </summary>
internal sealed unsafe class ClientLoop : IDisposable
{
    private const int BatchSize = 64;
    private const int TickInterval = 1000;

    private const ulong ClientsReady = 0;
    private const ulong Woken = 1;
    private const ulong ConnectionReady = 2;

    private readonly ClientSocket _socket;
    private readonly Func<ReceiverConnection?> _letIn;
    private readonly Func<ReceiverConnection?> _nextEnded;
    private readonly Epoll _epoll = new();
    private readonly WakeSignal _wake = new();
    private readonly List<ReceiverFlow> _ended = [];
    private readonly Thread _thread;
    private readonly ClientRequests _requests;
    private volatile bool _stops;
    private ReceiverConnection? _connection;
    private FrameWriter? _writer;
    private bool _watchesConnection;
    private long _lastTick;

    /// <param name="socket">Where clients send to.</param>
    /// <param name="name">Of the relay.</param>
    /// <param name="letIn">The connection that datagrams go to; null for none.</param>
    /// <param name="nextEnded">Connections that were let in and have ended, one after the other.</param>
    public ClientLoop(ClientSocket socket, string name, Func<ReceiverConnection?> letIn, Func<ReceiverConnection?> nextEnded)
    {
        _socket = socket;
        _letIn = letIn;
        _nextEnded = nextEnded;
        _epoll.Add(socket.Descriptor, EPOLLIN, ClientsReady);
        _epoll.Add(_wake.Descriptor, EPOLLIN, Woken);
        _requests = new ClientRequests(Counters);
        _thread = new Thread(Run) { IsBackground = true, Name = $"{name} clients" };
    }

    /// <summary>What this thread counts.</summary>
    public RelayCounters Counters { get; } = new();

    /// <summary>Begins.</summary>
    public void Start() => _thread.Start();

    /// <summary>Something has changed: another connection, one that ended, or a request of the other thread.</summary>
    public void Wake() => _wake.Raise();

    /// <summary>Stops; all connections that were let in must have ended.</summary>
    public void Dispose()
    {
        _stops = true;
        _wake.Raise();
        if (_thread.ThreadState.HasFlag(ThreadState.Unstarted))
        {
            _epoll.Dispose();
            _wake.Dispose();
            return;
        }

        _thread.Join();
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
            pulse.Works();
            Follow();
            var received = _socket.TryReceive(batch) ? batch.Count : 0;
            if (_writer is not { } writer)
            {
                if (received > 0)
                {
                    _requests.Drop(batch);
                }
            }
            else
            {
                if (received > 0)
                {
                    _requests.Forward(batch, _connection!, writer);
                }

                if (_connection!.Link.Gathers(received))
                {
                    continue;
                }

                Answer(writer);
                var now = RelayTimes.Now;
                if (now - _lastTick >= TickInterval)
                {
                    Tick(writer, now);
                }

                writer.Flush();
                WatchConnection(writer.IsPending);
            }

            // More than one at once: more have probably come meanwhile, and asking is cheaper than waiting.
            if (received <= 1)
            {
                pulse.Waits();
                Wait();
            }
        }
    }

    private void Wait()
    {
        var ready = _connection is { } connection ? connection.Link.Wait(_epoll, TickInterval) : _epoll.Wait(Timeout.Infinite);
        for (var i = 0; i < ready; i++)
        {
            if (_epoll.Data(i) == Woken)
            {
                _wake.Clear();
            }
        }
    }

    /// <summary>Turns to the connection that is let in now.</summary>
    private void Follow()
    {
        var connection = _letIn();
        if (!ReferenceEquals(connection, _connection))
        {
            Leave();
            if (connection is not null)
            {
                _connection = connection;
                _writer = connection.Link.BeginStreaming();
                _writer.AddControl(FrameType.Approved, 0, []);
            }
        }

        CloseEnded();
    }

    private void Leave()
    {
        if (_connection is { } old)
        {
            if (old.Goodbye is { } denial)
            {
                _writer!.AddControl(FrameType.Denied, 0, denial.Write());
                _writer.Flush();
            }

            WatchConnection(false);
            old.Link.Shutdown();
            _connection = null;
            _writer = null;
        }
    }

    private void CloseEnded()
    {
        while (_nextEnded() is { } ended)
        {
            if (ReferenceEquals(ended, _connection))
            {
                Leave();
            }

            ended.Dispose();
        }
    }

    /// <summary>Does what the reading thread asked for.</summary>
    private void Answer(FrameWriter writer)
    {
        var connection = _connection!;
        if (connection.TakePong())
        {
            writer.AddControl(FrameType.Pong, 0, []);
        }

        while (connection.TryTakeUnknownFlow(out var id))
        {
            // Unless the sender ended a live flow, it uses one that is not: either way it is over on both sides.
            if (connection.Flows!.Find(id) is { } flow)
            {
                connection.Flows.End(flow);
            }
            else
            {
                writer.AddControl(FrameType.FlowClosed, id, []);
            }
        }
    }

    private void Tick(FrameWriter writer, long now)
    {
        _lastTick = now;
        if (_connection!.Liveness.ShouldAsk(now))
        {
            writer.AddControl(FrameType.Ping, 0, []);
        }

        _connection.Flows!.Sweep(now, _ended);
        foreach (var flow in _ended)
        {
            writer.AddControl(FrameType.FlowClosed, flow.Id, []);
        }

        _ended.Clear();
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
            _epoll.Add(_writer!.Socket.Descriptor, EPOLLOUT, ConnectionReady);
        }
        else
        {
            _epoll.Remove(_writer!.Socket.Descriptor);
        }
    }
}
