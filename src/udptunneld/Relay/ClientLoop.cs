using UdpTunnel.Linux;
using UdpTunnel.Relay.Flows;
using UdpTunnel.Relay.Link;
using UdpTunnel.Relay.Wire;
using UdpTunnel.Waiting;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Relay;

/// <summary>
/// The receiver's thread for datagrams: takes what clients have sent and hands all of it to the sender by one write, takes what the sender has sent and hands
/// it to the clients. It alone opens and ends flows, writes to the connection that is let in, reads it when it was handed over, and closes the ones that were.
/// </summary>
/// <remarks>
/// One thread for both directions, as at the sender: where a question waits for its answer two would take turns, and wake each other for each datagram
/// (docs/performance.md).
/// </remarks>
internal sealed class ClientLoop : IDisposable
{
    private const int BatchSize = 64;
    private const int TickInterval = 1000;

    private const ulong ClientsReady = 0;
    private const ulong Woken = 1;
    private const ulong ConnectionReady = 2;

    private readonly ClientSocket _socket;
    private readonly Func<ReceiverConnection?> _nextLetIn;
    private readonly Func<ReceiverConnection?> _nextEnded;
    private readonly Epoll _epoll = new();
    private readonly WakeSignal _wake = new();
    private readonly List<ReceiverFlow> _ended = [];
    private readonly Thread _thread;
    private readonly ClientRequests _requests;
    private volatile bool _stops;
    private ReceiverConnection? _connection;
    private FrameWriter? _writer;
    private AnswerReader? _answers;
    private bool _hasRequests;
    private bool _hasAnswers;
    private bool _isWoken;
    private uint _watched;
    private long _lastTick;

    /// <param name="socket">Where clients send to.</param>
    /// <param name="name">Of the relay.</param>
    /// <param name="nextLetIn">Connections that are let in, one after the other: datagrams go to the last. Null for no other.</param>
    /// <param name="nextEnded">Connections that were let in and have ended, one after the other.</param>
    public ClientLoop(ClientSocket socket, string name, Func<ReceiverConnection?> nextLetIn, Func<ReceiverConnection?> nextEnded)
    {
        _socket = socket;
        _nextLetIn = nextLetIn;
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

    /// <summary>A connection is let in, is to leave, is handed over or has ended.</summary>
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
        Follow();
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
            Wait();
            pulse.Works();
            if (_isWoken)
            {
                Follow();
            }

            var received = _hasRequests && _socket.TryReceive(batch) ? batch.Count : 0;
            if (_writer is not { } writer)
            {
                _requests.Drop(batch, received);
                continue;
            }

            if (_hasAnswers && _answers is { } answers && !answers.Read())
            {
                EndReading();
            }

            _requests.Forward(batch, received, _connection!, writer);
            if (_connection!.Link.Gathers(received))
            {
                continue;
            }

            var now = RelayTimes.Now;
            if (now - _lastTick >= TickInterval)
            {
                Tick(writer, now);
            }

            writer.Flush();
            Watch();
        }
    }

    private void Wait()
    {
        var ready = _connection is { } connection ? connection.Link.Wait(_epoll, TickInterval) : _epoll.Wait(Timeout.Infinite);
        _hasRequests = _hasAnswers = _isWoken = false;
        for (var i = 0; i < ready; i++)
        {
            switch (_epoll.Data(i))
            {
                case ClientsReady:
                    _hasRequests = true;
                    break;
                case ConnectionReady:
                    _hasAnswers = true;
                    break;
                default:
                    _isWoken = true;
                    _wake.Clear();
                    break;
            }
        }
    }

    /// <summary>Turns to the connection that is let in now.</summary>
    private void Follow()
    {
        while (_nextLetIn() is { } connection)
        {
            if (connection.HasEnded)
            {
                // Closed already, or next among those that have ended.
                continue;
            }

            Leave();
            _connection = connection;
            _writer = connection.Link.BeginStreaming();
            _writer.AddControl(FrameType.Approved, 0, []);
        }

        if (_connection?.Goodbye is not null)
        {
            Leave();
        }

        while (_nextEnded() is { } ended)
        {
            if (ReferenceEquals(ended, _connection))
            {
                Leave();
            }

            ended.Dispose();
        }

        if (_connection is { IsHandedOver: true } && _answers is null)
        {
            TakeOver(_connection);
        }
    }

    private void TakeOver(ReceiverConnection connection)
    {
        connection.Link.ReceiveAhead();
        _answers = new AnswerReader(_socket, connection, _writer!);
        if (!_answers.Read())
        {
            EndReading();
        }
    }

    private void Leave()
    {
        if (_connection is not { } old)
        {
            return;
        }

        if (old.Goodbye is { } denial)
        {
            _writer!.AddControl(FrameType.Denied, 0, denial.Write());
            _writer.Flush();
        }

        _ = _epoll.Change(old.Link.Socket.Descriptor, _watched, 0, ConnectionReady);
        _watched = 0;
        _answers?.Dispose();
        _answers = null;
        old.Link.Shutdown();
        old.EndReading();
        _connection = null;
        _writer = null;
    }

    /// <summary>The connection's own thread does the rest.</summary>
    private void EndReading()
    {
        _answers!.Dispose();
        _answers = null;
        _connection!.EndReading();
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

    /// <summary>For bytes only while it is read, for room only while bytes wait: a connection whose peer is gone is always ready.</summary>
    private void Watch()
    {
        var events = (_answers is null ? 0 : EPOLLIN) | (_writer!.IsPending ? EPOLLOUT : 0);
        if (_epoll.Change(_writer.Socket.Descriptor, _watched, events, ConnectionReady) == Errno.None)
        {
            _watched = events;
            return;
        }

        // No room in epoll (max_user_watches): its end would never be noticed.
        _connection!.End("the system watches no more descriptors");
        if (_answers is not null)
        {
            EndReading();
        }
    }
}
