// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Hosting;
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

    private const ulong Woken = 1;

    // Above all numbers of connections; the socket's number is added.
    private const ulong FirstSocket = 1UL << 62;

    private const int BatchSize = 64;
    private const int TickInterval = 1000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly Dictionary<ulong, ClientSocket> _sockets = [];
    private readonly List<ClientSocket> _asking = [];
    private readonly RelayEvents _events;
    private readonly Epoll _epoll;
    private readonly WakeSignal _wake;
    private readonly List<ReceiverFlow> _ended = [];
    private readonly List<ulong> _ready = [];
    private readonly string _name;
    private readonly Supervised _supervised;
    private Thread? _thread;
    private readonly ClientRequests _requests;

    // What Apply hands over to the thread.
    private readonly Lock _changeGate = new();
    private readonly ManualResetEventSlim _followed = new(initialState: true);
    private (RelayConfig Config, ClientSockets Clients)? _change;
    private volatile bool _stops;
    private volatile string? _failure;
    private FrameWriter? _writer;
    private AnswerReader? _answers;
    private RelayConfig _applied;
    private ClientSockets _clients;
    private bool _hasAnswers;
    private long _lastTick;

    /// <param name="config">The receiver.</param>
    /// <param name="identity">The own key; null for no TLS.</param>
    /// <param name="clients">Where clients send to; closed by this object from now on.</param>
    /// <param name="listener">Where senders connect to.</param>
    /// <param name="admissions">Who is let in.</param>
    /// <param name="events">Where to tell.</param>
    /// <param name="supervised">What stands behind its thread.</param>
    /// <exception cref="LinuxException">The system has no descriptors left.</exception>
    public ReceiverLoop(
        RelayConfig config,
        Identity? identity,
        ClientSockets clients,
        TcpListenSocket listener,
        Admissions admissions,
        RelayEvents events,
        Supervised supervised
    )
    {
        _applied = config;
        _clients = clients;
        _events = events;
        _requests = new ClientRequests(Counters);
        _name = $"{config.Name} receiver";
        _supervised = supervised;
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

        Connections = new ReceiverConnections(
            identity,
            listener,
            _epoll,
            admissions,
            events,
            Counters,
            () => _clients.Ports,
            Begin,
            Leave
        );
        foreach (var socket in clients.All)
        {
            _sockets.Add(FirstSocket + socket.Number, socket);
            Watch(socket.Descriptor, FirstSocket + socket.Number);
        }

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
    public void Start() => _thread = _supervised.Start(_name, Run, OnFailed);

    /// <summary>Somebody has decided something.</summary>
    public void Wake() => _wake.Raise();

    /// <summary>
    /// Carries datagrams by another configuration. Any thread; when this returns the old sockets are closed, unless the
    /// thread is held up.
    /// </summary>
    /// <param name="config">The configuration.</param>
    /// <param name="clients">Where clients send to from now on; closed by this object.</param>
    public void Apply(RelayConfig config, ClientSockets clients)
    {
        lock (_changeGate)
        {
            _change = (config, clients);
            _followed.Reset();
        }

        _wake.Raise();
        _followed.Wait(Patience);
    }

    /// <summary>Ends all connections and stops.</summary>
    public void Dispose()
    {
        _stops = true;
        _wake.Raise();
        _thread?.Join();
        _followed.Set();
        _change?.Clients.Close();
        _clients.Close();
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

    /// <summary>The thread has ended by an error that nobody expected: the host tries the relay again.</summary>
    private void OnFailed(Exception e) => _failure = $"this end failed: {e.GetType().Name}: {e.Message}";

    private void Run()
    {
        try
        {
            Carry();
        }
        finally
        {
            Connections.EndAll();
        }
    }

    private void Carry()
    {
        using var batch = new ReceiveBatch(BatchSize);
        using var pulse = Pulse.OfThisThread();
        Connections.Start();
        while (!_stops)
        {
            pulse.Waits();
            Wait();
            pulse.Works();
            var gathers = Carry(batch);
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
        var isWoken = false;
        _hasAnswers = false;
        _asking.Clear();
        _ready.Clear();
        for (var i = 0; i < ready; i++)
        {
            var data = _epoll.Data(i);
            switch (data)
            {
                case Woken:
                    _wake.Clear();
                    isWoken = true;
                    break;
                case >= FirstSocket:
                    if (_sockets.TryGetValue(data, out var socket))
                    {
                        _asking.Add(socket);
                    }

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

        if (isWoken)
        {
            ApplyConfiguration();
            Connections.NoteDecision();
        }
    }

    /// <summary>Carries datagrams in both directions.</summary>
    /// <returns>Whether to look for more before they are written.</returns>
    private bool Carry(ReceiveBatch batch)
    {
        if (Connections.Serving is not { } connection)
        {
            Drop(batch);
            return false;
        }

        try
        {
            if (_hasAnswers && !_answers!.Read())
            {
                Connections.EndServing();
                Drop(batch);
                return false;
            }

            if (connection.HasNewOffer)
            {
                connection.HasNewOffer = false;
                AcceptAgain();
            }

            var received = 0;
            foreach (var socket in _asking)
            {
                if (socket.TryReceive(batch))
                {
                    received += batch.Count;
                    _requests.Forward(batch, batch.Count, connection, _writer!, socket);
                }
            }

            if (connection.Link.ShouldGather(received))
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

    /// <summary>Nobody is let in.</summary>
    private void Drop(ReceiveBatch batch)
    {
        foreach (var socket in _asking)
        {
            if (socket.TryReceive(batch))
            {
                _requests.Drop(batch, batch.Count);
            }
        }
    }

    /// <summary>Somebody may have changed the configuration while datagrams flow.</summary>
    private void ApplyConfiguration()
    {
        lock (_changeGate)
        {
            if (_change is not var (config, clients))
            {
                return;
            }

            _change = null;
            _applied = config;
            Connections.Serving?.Flows?.Change(
                config.MaxFlows,
                (long)config.IdleTimeout.TotalMilliseconds,
                new ClientBounds(config)
            );
            if (!ReferenceEquals(clients, _clients))
            {
                Listen(clients);
            }

            _followed.Set();
        }
    }

    /// <summary>Has other sockets from now on: those that stay keep their datagrams and flows.</summary>
    private void Listen(ClientSockets clients)
    {
        var before = _clients;
        _clients = clients;
        foreach (var socket in before.All.Except(clients.All))
        {
            _asking.Remove(socket);
            _sockets.Remove(FirstSocket + socket.Number);
            _epoll.Remove(socket.Descriptor);
            Counters.CountDrop(RelayDropReason.BufferFull, socket.BufferDrops);
        }

        foreach (var socket in clients.All.Except(before.All))
        {
            _sockets.Add(FirstSocket + socket.Number, socket);
            if (_epoll.Add(socket.Descriptor, EPOLLIN, FirstSocket + socket.Number) != Errno.None)
            {
                Counters.CountDrop(RelayDropReason.NoDescriptors);
            }
        }

        AcceptAgain();
        before.CloseExcept(clients);
    }

    /// <summary>Ports of this end or of the sender have changed: flows to others end, and the sender is told.</summary>
    private void AcceptAgain()
    {
        Connections.AcceptAgain();
        if (Connections.Serving is not { } connection || _writer is not { } writer)
        {
            return;
        }

        foreach (var flow in connection.Flows!.All)
        {
            if (!connection.Takes(flow.Port) || !_clients.All.Contains(flow.Socket))
            {
                connection.Flows.End(flow);
                writer.AddControl(FrameType.FlowClosed, flow.Id, []);
            }
        }

        SendServices(connection, writer);
    }

    private static void SendServices(ReceiverConnection connection, FrameWriter writer)
    {
        if (connection.Accepted is { } accepted)
        {
            writer.AddControl(FrameType.Services, 0, accepted.Write());
        }
    }

    /// <summary>Datagrams flow from now on.</summary>
    private void Begin(ReceiverConnection connection)
    {
        connection.Flows = new ReceiverFlows(
            _applied.MaxFlows,
            (long)_applied.IdleTimeout.TotalMilliseconds,
            connection.Link.Codec,
            source => HostText.Make(source.ToIPEndPoint(), LinkName.Of),
            new ClientBounds(_applied)
        );
        _writer = connection.Link.BeginStreaming(connection.Counters);
        _answers = new AnswerReader(connection, _writer);
        _writer.AddControl(FrameType.Approved, 0, []);
        SendServices(connection, _writer);
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
