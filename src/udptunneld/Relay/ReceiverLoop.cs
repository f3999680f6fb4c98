using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Flows;
using UdpTunnel.Relay.Link;
using UdpTunnel.Relay.Wire;
using UdpTunnel.Waiting;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Relay;

/// <summary>
/// The receiver's one thread. It takes the datagrams of clients and hands all of them to the sender by one write, hands
/// the sender's answers to the clients, and looks after all connections (<see cref="ReceiverConnections"/>).
/// </summary>
/// <remarks>
/// One thread for both directions, as at the sender: where a question waits for its answer two would take turns, and
/// wake each other for each datagram (docs/performance.md).
/// </remarks>
internal sealed class ReceiverLoop : IDisposable
{
    /// <summary>Connections wait to be accepted.</summary>
    public const ulong Listening = 2;

    private const ulong ClientsReady = 0;
    private const ulong Woken = 1;

    private const int BatchSize = 64;
    private const int TickInterval = 1000;

    private readonly ClientSocket _socket;
    private readonly RelayEvents _events;
    private readonly Epoll _epoll;
    private readonly WakeSignal _wake;
    private readonly List<ReceiverFlow> _ended = [];
    private readonly List<ulong> _ready = [];
    private readonly Thread _thread;
    private readonly ClientRequests _requests;
    private volatile RelayConfig _config;
    private volatile bool _stops;
    private volatile string? _failure;
    private FrameWriter? _writer;
    private AnswerReader? _answers;
    private RelayConfig _applied;
    private bool _hasRequests;
    private bool _hasAnswers;
    private long _lastTick;

    /// <param name="config">The receiver.</param>
    /// <param name="identity">The own key; null for no TLS.</param>
    /// <param name="socket">Where clients send to.</param>
    /// <param name="listener">Where senders connect to.</param>
    /// <param name="admissions">Who is let in.</param>
    /// <param name="events">Where to tell.</param>
    /// <exception cref="LinuxException">The system has no descriptors left.</exception>
    public ReceiverLoop(
        RelayConfig config,
        Identity? identity,
        ClientSocket socket,
        TcpListenSocket listener,
        Admissions admissions,
        RelayEvents events)
    {
        _config = config;
        _applied = config;
        _socket = socket;
        _events = events;
        _requests = new ClientRequests(Counters);
        _thread = new Thread(RunGuarded) { IsBackground = true, Name = $"{config.Name} receiver" };
        _epoll = new Epoll();
        try
        {
            _wake = new WakeSignal();
        }
        catch
        {
            _epoll.Dispose();
            throw;
        }

        Connections = new ReceiverConnections(identity, listener, _epoll, admissions, events, Counters, Begin, Leave);
        Watch(socket.Descriptor, ClientsReady);
        Watch(_wake.Descriptor, Woken);
    }

    /// <summary>What this thread counts.</summary>
    public RelayCounters Counters { get; } = new();

    /// <summary>The connections; but for what says otherwise, this thread's alone.</summary>
    public ReceiverConnections Connections { get; }

    /// <summary>Why the thread has ended by itself; null while it runs.</summary>
    public string? Failure => _failure;

    /// <summary>Begins.</summary>
    /// <exception cref="OutOfMemoryException">The system has no thread for it.</exception>
    public void Start() => _thread.Start();

    /// <summary>Somebody has decided something.</summary>
    public void Wake() => _wake.Raise();

    /// <summary>Carries datagrams by another configuration from the next turn on. Any thread.</summary>
    public void Apply(RelayConfig config)
    {
        _config = config;
        _wake.Raise();
    }

    /// <summary>Ends all connections and stops.</summary>
    public void Dispose()
    {
        _stops = true;
        _wake.Raise();
        if (!_thread.ThreadState.HasFlag(ThreadState.Unstarted))
        {
            _thread.Join();
        }

        _epoll.Dispose();
        _wake.Dispose();
    }

    private void Watch(int descriptor, ulong data)
    {
        if (_epoll.Add(descriptor, EPOLLIN, data) is var error and not Errno.None)
        {
            _epoll.Dispose();
            _wake.Dispose();
            throw new LinuxException("cannot watch a socket", error);
        }
    }

    private void RunGuarded()
    {
        try
        {
            Run();
        }
        catch (Exception e)
        {
            // The relay fails, and is started again; the daemon's others go on.
            _failure = $"this end failed: {e.GetType().Name}: {e.Message}";
            _events.Raise(EventKind.RelayFailed, EventLevel.Error, $"an unexpected error ended the relay: {e}");
        }
        finally
        {
            Connections.EndAll();
        }
    }

    private void Run()
    {
        using var batch = new ReceiveBatch(BatchSize);
        using var pulse = Pulse.OfThisThread();
        Connections.Start();
        while (!_stops)
        {
            pulse.Waits();
            Wait();
            pulse.Works();
            if (!ReferenceEquals(_applied, _config))
            {
                FollowConfiguration();
            }

            var received = _hasRequests && _socket.TryReceive(batch) ? batch.Count : 0;
            var gathers = Carry(batch, received);
            foreach (var id in _ready)
            {
                if (id == Listening)
                {
                    Connections.Accept();
                }
                else
                {
                    Connections.OnReady(id);
                }
            }

            if (!gathers)
            {
                Connections.EndTurn();
            }
        }
    }

    private void Wait()
    {
        var patience = Connections.Patience;
        var ready = Connections.Serving is { } serving
            ? serving.Link.Wait(_epoll, Math.Min(TickInterval, patience < 0 ? TickInterval : patience))
            : _epoll.Wait(patience);
        var served = Connections.Serving?.Id ?? 0;
        _hasRequests = _hasAnswers = false;
        _ready.Clear();
        for (var i = 0; i < ready; i++)
        {
            var data = _epoll.Data(i);
            switch (data)
            {
                case ClientsReady:
                    _hasRequests = true;
                    break;
                case Woken:
                    _wake.Clear();
                    Connections.NoteDecision();
                    break;
                default:
                    if (data == served)
                    {
                        _hasAnswers = true;
                    }
                    else
                    {
                        _ready.Add(data);
                    }

                    break;
            }
        }
    }

    /// <summary>Carries datagrams in both directions.</summary>
    /// <returns>Whether to look for more before they are written.</returns>
    private bool Carry(ReceiveBatch batch, int received)
    {
        if (Connections.Serving is not { } connection)
        {
            _requests.Drop(batch, received);
            return false;
        }

        try
        {
            if (_hasAnswers && !_answers!.Read())
            {
                Connections.EndServing();
                _requests.Drop(batch, received);
                return false;
            }

            _requests.Forward(batch, received, connection, _writer!);
            if (connection.Link.Gathers(received))
            {
                return true;
            }

            var now = RelayTimes.Now;
            if (now - _lastTick >= TickInterval)
            {
                Tick(connection, _writer!, now);
            }

            _writer!.Flush();
            Watch(connection);
        }
        catch (Exception e)
        {
            Connections.Fail(connection, e);
        }

        return false;
    }

    /// <summary>Somebody has changed it while datagrams flow.</summary>
    private void FollowConfiguration()
    {
        _applied = _config;
        Connections.Serving?.Flows?.Change(
            _applied.MaxFlows, (long)_applied.IdleTimeout.TotalMilliseconds, new ClientBounds(_applied));
    }

    /// <summary>Datagrams flow from now on.</summary>
    private void Begin(ReceiverConnection connection)
    {
        connection.Flows = new ReceiverFlows(
            _applied.MaxFlows,
            (long)_applied.IdleTimeout.TotalMilliseconds,
            connection.Link.Codec,
            source => HostText.Make(source.ToIPEndPoint(), LinkName.Of),
            new ClientBounds(_applied));
        _writer = connection.Link.BeginStreaming(connection.Counters);
        _answers = new AnswerReader(_socket, connection, _writer);
        _writer.AddControl(FrameType.Approved, 0, []);
        _writer.Flush();
        Watch(connection);
    }

    private void Leave(ReceiverConnection connection)
    {
        if (_writer is { } writer && connection.Decision is { } denial)
        {
            writer.AddControl(FrameType.Denied, 0, denial.Write());
            writer.Flush();
        }

        _writer?.Abandon();
        _answers?.Dispose();
        _answers = null;
        _writer = null;
    }

    private void Tick(ReceiverConnection connection, FrameWriter writer, long now)
    {
        _lastTick = now;
        if (connection.Liveness.ShouldAsk(now))
        {
            writer.AddControl(FrameType.Ping, 0, []);
        }

        connection.Flows!.Sweep(now, _ended);
        foreach (var flow in _ended)
        {
            writer.AddControl(FrameType.FlowClosed, flow.Id, []);
        }

        _ended.Clear();
    }

    /// <summary>For room only while bytes wait.</summary>
    private void Watch(ReceiverConnection connection)
    {
        var events = _writer!.IsPending ? EPOLLIN | EPOLLOUT : EPOLLIN;
        _ = _epoll.Change(connection.Link.Socket.Descriptor, connection.Watched, events, connection.Id);
        connection.Watched = events;
    }
}
