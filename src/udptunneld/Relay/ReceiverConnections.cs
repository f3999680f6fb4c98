using UdpTunnel.Crypto;
using UdpTunnel.Events;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Approval;
using UdpTunnel.Relay.Link;
using UdpTunnel.Relay.Wire;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Relay;

/// <summary>
/// All connections of a receiver, from acceptance to end, and the one place where each moves from one state to the next
/// (<see cref="MoveTo"/>). Belongs to the receiver's thread; nothing in it waits.
/// </summary>
/// <remarks>
/// <code>
///   accepted -> Handshake -> Waiting -> Serving -> Leaving -> Ended
///                   |           |          |                    ^
///                   +-----------+----------+--------------------+     each may leave or end at any time
/// </code>
/// Bounds: <see cref="HandshakePlaces{T}"/>, <see cref="Approvals{T}"/>, one connection that is served,
/// <see cref="MostLeaving"/>. A connection that waits takes about 35 KiB, with OpenSSL's part of it.
/// </remarks>
/// <param name="identity">The own key; null for no TLS.</param>
/// <param name="listener">Where they come from.</param>
/// <param name="epoll">Watches them.</param>
/// <param name="admissions">Who is let in.</param>
/// <param name="events">Where to tell.</param>
/// <param name="counters">Of the receiver's thread.</param>
/// <param name="serve">Begins to carry a connection's datagrams.</param>
/// <param name="stopServing">Ends that, and says the last words.</param>
internal sealed class ReceiverConnections(
    Identity? identity,
    TcpListenSocket listener,
    Epoll epoll,
    Admissions admissions,
    RelayEvents events,
    RelayCounters counters,
    Action<ReceiverConnection> serve,
    Action<ReceiverConnection> stopServing)
{
    /// <summary>The first number of a connection; those below are free for others that epoll watches.</summary>
    public const ulong FirstId = 16;

    /// <summary>Connections that take their last words in.</summary>
    public const int MostLeaving = 64;

    private const int TickInterval = 1000;
    private const int AcceptsPerTurn = 16;
    private const int AcceptPause = 100;
    private const byte TlsHandshakeByte = 0x16;

    // A sender that waits says a ping of 30 bytes each 5 s.
    private const int MostBytesWhileWaiting = 16 * 1024;

    // Alert handshake_failure (RFC 8446, section 6): the other end's TLS, or our classic sender, knows from it which
    // protocol is spoken here.
    private static readonly byte[] TlsAlert = [0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28];

    private readonly Dictionary<ulong, ReceiverConnection> _all = [];
    private readonly HandshakePlaces<ReceiverConnection> _places = new();
    private readonly byte[] _discarded = new byte[4096];
    private ulong _lastId = FirstId;
    private long _lastTick;
    private long _acceptsAgain;
    private bool _isAccepting;
    private bool _hasNews;
    private int _leaving;
    private volatile string _problem = "";
    private long _served;

    /// <summary>The connection that is served; null for none.</summary>
    public ReceiverConnection? Serving { get; private set; }

    /// <summary>The last thing that went wrong with a stranger, for a person. Any thread.</summary>
    public string Problem => _problem;

    /// <summary>How many were let in until now. Any thread.</summary>
    public long Served => Volatile.Read(ref _served);

    /// <summary>How many there are.</summary>
    public int Count => _all.Count;

    /// <summary>How long the thread may wait, in milliseconds; -1 for as long as it takes.</summary>
    public int Patience =>
        !_isAccepting || _leaving > 0 ? AcceptPause : _all.Count > 0 ? TickInterval : Timeout.Infinite;

    /// <summary>Begins to listen.</summary>
    public void Start() => Listen(true);

    /// <summary>Approvals have changed: at the end of the turn connections are let in and sent away.</summary>
    public void NoteDecision() => _hasNews = true;

    /// <summary>Accepts connections that wait in the kernel's queue.</summary>
    public void Accept()
    {
        for (var i = 0; i < AcceptsPerTurn; i++)
        {
            var error = listener.TryAccept(out var socket);
            if (socket is null)
            {
                if (error != Errno.None)
                {
                    // Out of descriptors or memory. The connections stay in the kernel's queue; others may free some.
                    counters.CountDrop(RelayDropReason.NoDescriptors);
                    Listen(false);
                }

                return;
            }

            Welcome(socket);
        }
    }

    /// <summary>Something has come for a connection, or it has room.</summary>
    public void OnReady(ulong id)
    {
        if (!_all.TryGetValue(id, out var connection))
        {
            return;
        }

        Guard(connection, c =>
        {
            if (c.Link.IsPending && !c.Link.TryFlush())
            {
                End(c, "it closed the connection");
                return;
            }

            switch (c.State)
            {
                case ConnectionState.Handshake:
                    Greet(c);
                    break;
                case ConnectionState.Waiting:
                    Read(c, c.Link.TryFill());
                    break;
                case ConnectionState.Leaving when c.Link.Socket.TryReceive(_discarded) == 0:
                    End(c, "");
                    break;
            }

            Watch(c);
        });
    }

    /// <summary>The end of a turn: deadlines, and decisions that were made meanwhile.</summary>
    public void EndTurn()
    {
        var now = RelayTimes.Now;
        if (!_isAccepting && now >= _acceptsAgain)
        {
            Listen(true);
        }

        if (now - _lastTick >= TickInterval || _leaving > 0)
        {
            var isSecond = now - _lastTick >= TickInterval;
            _lastTick = isSecond ? now : _lastTick;
            foreach (var connection in _all.Values.ToArray())
            {
                Guard(connection, c => Tick(c, now, isSecond));
            }
        }

        // Each end may let the next one in.
        while (_hasNews)
        {
            _hasNews = false;
            FollowDecisions();
        }
    }

    /// <summary>The served connection has ended, or broke the protocol.</summary>
    public void EndServing()
    {
        if (Serving is { } connection)
        {
            EndReading(connection);
        }
    }

    /// <summary>
    /// Ends a connection for an exception that nobody foresaw: it is the connection's, not the daemon's.
    /// </summary>
    public void Fail(ReceiverConnection connection, Exception exception) =>
        End(connection, $"this end failed: {exception.GetType().Name}: {exception.Message}");

    /// <summary>Ends all.</summary>
    public void EndAll()
    {
        foreach (var connection in _all.Values.ToArray())
        {
            MoveTo(connection, ConnectionState.Ended);
        }
    }

    private void Guard(ReceiverConnection connection, Action<ReceiverConnection> work)
    {
        try
        {
            work(connection);
        }
        catch (Exception e)
        {
            Fail(connection, e);
        }
    }

    private void Welcome(TcpSocket socket)
    {
        ReceiverConnection? connection = null;
        try
        {
            IRelayCodec codec = identity is null ? new ClassicCodec() : new TlsCodec();
            connection = new ReceiverConnection(++_lastId, socket, codec, identity?.Context, counters);
            if (!_places.TryTake(
                connection, admissions.IsFriendly(connection.Network), RelayTimes.Now, out var givesWay))
            {
                counters.CountDrop(RelayDropReason.PendingLimit);
                connection.Dispose();
                return;
            }

            if (givesWay is not null)
            {
                counters.CountDrop(RelayDropReason.PendingLimit);
                End(givesWay, "it made no progress and gave way to a newer connection");
            }

            if (epoll.Add(socket.Descriptor, EPOLLIN, connection.Id) != Errno.None)
            {
                counters.CountDrop(RelayDropReason.NoDescriptors);
                _places.Release(connection);
                connection.Dispose();
                return;
            }
        }
        catch (Exception)
        {
            // Memory that cannot be had is this connection's end.
            counters.CountDrop(RelayDropReason.NoDescriptors);
            if (connection is not null)
            {
                _places.Release(connection);
            }

            socket.Dispose();
            return;
        }

        connection.Watched = EPOLLIN;
        connection.Deadline = RelayTimes.Now + (identity is null ? RelayTimes.Handshake : RelayTimes.FirstByte);
        _all.Add(connection.Id, connection);
        if (identity is null)
        {
            Guard(connection, c => MoveTo(c, ConnectionState.Waiting));
        }
    }

    /// <summary>The one place where a connection's state changes, and all that a change brings with it.</summary>
    private void MoveTo(ReceiverConnection connection, ConnectionState next)
    {
        var before = connection.State;
        if (next <= before)
        {
            // Deadlines and ends may cross each other; an older step changes nothing.
            return;
        }

        connection.State = next;
        _leaving += (next == ConnectionState.Leaving ? 1 : 0) - (before == ConnectionState.Leaving ? 1 : 0);
        if (before == ConnectionState.Handshake)
        {
            _places.Release(connection);
        }

        if (before == ConnectionState.Serving)
        {
            stopServing(connection);
            Serving = null;
        }

        switch (next)
        {
            case ConnectionState.Waiting:
                connection.Deadline = long.MaxValue;
                admissions.Enter(connection);
                _hasNews = true;
                break;
            case ConnectionState.Serving:
                Serving = connection;
                Volatile.Write(ref _served, _served + 1);
                _problem = "";
                serve(connection);
                break;
            case ConnectionState.Leaving:
                SayGoodbye(connection, before);
                break;
            case ConnectionState.Ended:
                _all.Remove(connection.Id);
                connection.Dispose();
                break;
        }

        if (before is ConnectionState.Waiting or ConnectionState.Serving && next >= ConnectionState.Leaving)
        {
            admissions.Leave(connection);
        }
    }

    private void SayGoodbye(ReceiverConnection connection, ConnectionState before)
    {
        if (connection.Decision is { } denial && before is ConnectionState.Waiting)
        {
            _ = connection.Link.TryWrite(FrameType.Denied, denial.Write());
        }

        // It may take the message in before it finds the end; if it does not leave by itself, its time is short.
        connection.Link.Socket.FinishSending();
        var isClassic = connection.Link.Codec.NamesFlows;
        connection.Deadline = RelayTimes.Now + (isClassic ? RelayTimes.Leave : RelayTimes.LeaveTls);
        if (_leaving > MostLeaving)
        {
            var oldest = _all.Values.Where(c => c.State == ConnectionState.Leaving).MinBy(c => c.Deadline);
            MoveTo(oldest!, ConnectionState.Ended);
        }
    }

    private void Greet(ReceiverConnection connection)
    {
        var link = connection.Link;
        var now = RelayTimes.Now;
        if (connection.Step == GreetingStep.FirstByte)
        {
            switch (link.Socket.TryPeek())
            {
                case TcpSocket.Nothing:
                    return;
                case TcpSocket.Ended:
                    End(connection, "it closed the connection without a word");
                    return;
                case TlsHandshakeByte:
                    connection.StepTo(GreetingStep.Tls, now);
                    connection.Deadline = now + RelayTimes.Handshake;
                    break;
                default:
                    TurnAwayUnencrypted(connection, "it does not speak TLS");
                    return;
            }
        }

        if (connection.Step == GreetingStep.Tls)
        {
            switch (link.Shake())
            {
                case TlsProgress.Waits:
                    return;
                case TlsProgress.Failed:
                    Leave(connection, $"the TLS handshake failed: {link.Problem}");
                    return;
            }

            connection.StepTo(GreetingStep.Hello, now);
            if (connection.Key is { } key && admissions.IsRemembered(key))
            {
                // It has proven a key that a person approved, so that strangers cannot take its place.
                _places.Release(connection);
            }

            if (!link.TryWrite(FrameType.Hello, Hello.Of(isReceiver: true)))
            {
                End(connection, "it closed the connection before its hello");
                return;
            }
        }

        Read(connection, link.TryFill());
    }

    /// <summary>Reads a connection to which no datagram may flow yet.</summary>
    private void Read(ReceiverConnection connection, int came)
    {
        var reader = connection.Link.Reader;
        for (; came > 0; came = reader.FillMore())
        {
            connection.Liveness.Hear(RelayTimes.Now);
            connection.BytesWhileWaiting += came;
            FrameStatus status;
            while ((status = reader.Next(out var frame)) == FrameStatus.Complete)
            {
                var isHello = connection.Step == GreetingStep.Hello;
                if (isHello ? !TakeHello(connection, frame) : !TakeWhileWaiting(connection, frame.Type))
                {
                    return;
                }
            }

            if (status == FrameStatus.Malformed || connection.BytesWhileWaiting > MostBytesWhileWaiting)
            {
                Break(connection);
                return;
            }
        }

        if (came == TcpSocket.Nothing)
        {
            return;
        }

        if (reader.IsOverfull)
        {
            Break(connection);
            return;
        }

        End(connection, connection.Step == GreetingStep.Hello
            ? "it closed the connection before its hello"
            : "it closed the connection");
    }

    /// <returns>False if the connection leaves.</returns>
    private bool TakeHello(ReceiverConnection connection, in RelayFrame frame)
    {
        var problem = frame.Type == FrameType.Hello
            ? Hello.Problem(frame.Payload, fromReceiver: false)
            : "it does not begin with a hello";
        if (problem is not null)
        {
            counters.CountDrop(RelayDropReason.ProtocolError);
            _ = connection.Link.TryWrite(FrameType.Denied, new Denial(DenialCode.ProtocolError, problem).Write());
            Leave(connection, problem);
            return false;
        }

        connection.KnowsWaiting = Hello.Knows(frame.Payload, FrameType.Waiting);
        connection.StepTo(GreetingStep.Done, RelayTimes.Now);
        MoveTo(connection, ConnectionState.Waiting);
        return true;
    }

    /// <returns>False if the connection leaves.</returns>
    private bool TakeWhileWaiting(ReceiverConnection connection, FrameType type)
    {
        if (type == FrameType.Pong || (type == FrameType.Ping && connection.Link.TryWrite(FrameType.Pong, [])))
        {
            return true;
        }

        Break(connection);
        return false;
    }

    /// <summary>A connection that is served gives nothing more.</summary>
    private void EndReading(ReceiverConnection connection)
    {
        if (connection.IsBroken)
        {
            Break(connection);
        }
        else
        {
            End(connection, "it closed the connection");
        }
    }

    private void Break(ReceiverConnection connection)
    {
        counters.CountDrop(RelayDropReason.ProtocolError);
        End(connection, connection.Link.FirstByte == TlsHandshakeByte && connection.Link.Codec.NamesFlows
            ? "it speaks TLS, and this relay the classic protocol: start it, or this relay, with the other --protocol"
            : connection.Flows is null
                ? "it sent what nobody may send before approval"
                : "it sent what the protocol does not know");
    }

    private void TurnAwayUnencrypted(ReceiverConnection connection, string finding)
    {
        _ = connection.Link.Socket.TrySend(TlsAlert);
        Leave(connection,
            $"{finding}; if it speaks the classic protocol, start it, or this relay, with the other --protocol");
    }

    /// <summary>Lets a connection take its last words in, and tells why it goes.</summary>
    private void Leave(ReceiverConnection connection, string reason)
    {
        Report(connection, reason);
        MoveTo(connection, ConnectionState.Leaving);
    }

    /// <summary>Closes a connection, and tells why unless it was told before.</summary>
    private void End(ReceiverConnection connection, string reason)
    {
        Report(connection, reason);
        MoveTo(connection, ConnectionState.Ended);
    }

    private void Report(ReceiverConnection connection, string reason)
    {
        if (connection.State >= ConnectionState.Leaving)
        {
            return;
        }

        var now = RelayTimes.Now;
        if (connection.Flows is not null)
        {
            events.Raise(
                EventKind.SenderGone, EventLevel.Warning, $"{connection.DisplayName} is gone: {reason}");
            return;
        }

        _problem = $"{connection.DisplayName}: {reason}";
        var kind = connection.Decision is null ? EventKind.SenderGone : EventKind.SenderDenied;
        if (connection.Decision is { Code: DenialCode.Denied })
        {
            events.Raise(kind, EventLevel.Warning, _problem);
        }
        else
        {
            events.Raise(kind, EventLevel.Warning, _problem);
        }
    }

    /// <summary>Lets in and sends away as it was decided.</summary>
    private void FollowDecisions()
    {
        var revoked = admissions.TakeRevoked();
        var active = admissions.Active;
        foreach (var connection in _all.Values.ToArray())
        {
            if (connection.State is ConnectionState.Waiting or ConnectionState.Serving
                && connection.Decision is { } denial)
            {
                Guard(connection, c => Leave(c, denial.Text));
            }
            else if (connection.State == ConnectionState.Handshake && connection.Key is { } key
                && revoked.Contains(key))
            {
                Guard(connection, c => Leave(c, "the receiver's user revoked its approval"));
            }
            else if (connection.State == ConnectionState.Serving && !ReferenceEquals(connection, active))
            {
                Guard(connection, c => Leave(c, "another connection was let in"));
            }
        }

        if (active is { State: ConnectionState.Waiting, Decision: null } && Serving is null)
        {
            Guard(active, c => MoveTo(c, ConnectionState.Serving));
        }

        var reason = active is null ? WaitingReason.Decision : WaitingReason.Taken;
        foreach (var connection in _all.Values)
        {
            if (connection is { State: ConnectionState.Waiting, KnowsWaiting: true } && connection.ToldReason != reason)
            {
                connection.ToldReason = reason;
                _ = connection.Link.TryWrite(FrameType.Waiting, [(byte)reason]);
                Watch(connection);
            }
        }
    }

    private void Tick(ReceiverConnection connection, long now, bool isSecond)
    {
        if (now > connection.Deadline)
        {
            switch (connection.State)
            {
                case ConnectionState.Leaving:
                    MoveTo(connection, ConnectionState.Ended);
                    break;
                case ConnectionState.Handshake when connection.Step == GreetingStep.FirstByte:
                    TurnAwayUnencrypted(connection, "it does not begin with TLS");
                    break;
                default:
                    End(connection, "the TLS handshake took too long");
                    break;
            }
        }
        else if (isSecond)
        {
            connection.BytesWhileWaiting = 0;
            connection.Liveness.Look(connection.Link.Socket.AcknowledgedUnderway(), now);
            var hasGreeted = connection.State is ConnectionState.Waiting or ConnectionState.Serving;
            if (hasGreeted && !connection.Link.Codec.NamesFlows && connection.Liveness.IsDead(now))
            {
                End(connection, $"nothing was heard of it for {RelayTimes.Dead / 1000} s");
            }
            else if (connection.Link.Socket.IsUnanswered(TimeSpan.FromMilliseconds(RelayTimes.Dead)))
            {
                End(connection, $"it did not acknowledge anything for {RelayTimes.Dead / 1000} s");
            }
        }
    }

    /// <summary>For room only while bytes wait. The connection that is served watches itself.</summary>
    private void Watch(ReceiverConnection connection)
    {
        if (connection.State is ConnectionState.Serving or ConnectionState.Ended)
        {
            return;
        }

        var events = connection.Link.IsPending ? EPOLLIN | EPOLLOUT : EPOLLIN;
        _ = epoll.Change(connection.Link.Socket.Descriptor, connection.Watched, events, connection.Id);
        connection.Watched = events;
    }

    private void Listen(bool accepts)
    {
        if (accepts)
        {
            // Without room in epoll it is tried again after a pause.
            _isAccepting = epoll.Add(listener.Descriptor, EPOLLIN, ReceiverLoop.Listening) == Errno.None;
        }
        else if (_isAccepting)
        {
            epoll.Remove(listener.Descriptor);
            _isAccepting = false;
        }

        _acceptsAgain = RelayTimes.Now + AcceptPause;
    }
}
