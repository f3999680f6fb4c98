// SPDX-License-Identifier: BSD-3-Clause

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
/// Bounds: <see cref="Acceptor"/>, <see cref="Approvals{T}"/>, one connection that is served,
/// <see cref="MostLeaving"/>. A connection that waits takes about 35 KiB, with OpenSSL's part of it.
/// </remarks>
/// <param name="identity">The own key; null for no TLS.</param>
/// <param name="listener">Where they come from.</param>
/// <param name="epoll">Watches them.</param>
/// <param name="admissions">Who is let in.</param>
/// <param name="events">Where to tell.</param>
/// <param name="counters">Of the receiver's thread.</param>
/// <param name="ports">The ports that the receiver listens on for clients.</param>
/// <param name="serve">Begins to carry a connection's datagrams.</param>
/// <param name="stopServing">Ends that, and says the last words.</param>
internal sealed class ReceiverConnections(
    Identity? identity,
    TcpListenSocket listener,
    Epoll epoll,
    Admissions admissions,
    RelayEvents events,
    RelayCounters counters,
    Func<IReadOnlyList<int>> ports,
    Action<ReceiverConnection> serve,
    Action<ReceiverConnection> stopServing
)
{
    /// <summary>Connections that take their last words in.</summary>
    public const int MostLeaving = 64;

    private const int TickInterval = 1000;

    private readonly Dictionary<ulong, ReceiverConnection> _all = [];
    private readonly byte[] _discarded = new byte[4096];
    private readonly Acceptor _acceptor = new(identity, listener, epoll, admissions, counters);
    private Greeting? _greeting;
    private long _lastTick;
    private bool _hasNews;
    private int _leaving;
    private volatile string _problem = "";
    private long _served;

    private Greeting Strangers => _greeting ??= new Greeting(admissions, _acceptor.Release, TakeServices);

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
        !_acceptor.IsAccepting || _leaving > 0 ? Acceptor.Pause
        : _all.Count > 0 ? TickInterval
        : Timeout.Infinite;

    /// <summary>Begins to listen.</summary>
    public void Start() => _acceptor.Start();

    /// <summary>Accepts connections that wait in the kernel's queue.</summary>
    public void Accept() => _acceptor.Accept(OnAccepted, End);

    /// <summary>Approvals have changed: at the end of the turn connections are let in and sent away.</summary>
    public void NoteDecision() => _hasNews = true;

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
                    Follow(c, Strangers.Greet(c, out var reason), reason);
                    break;
                case ConnectionState.Waiting:
                    Follow(c, Strangers.Read(c, c.Link.TryFill(), out reason), reason);
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
        _acceptor.Resume(now);

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
            ApplyDecisions();
        }
    }

    /// <summary>
    /// The receiver's ports, or those that the served connection serves, have changed: takes what both have in common.
    /// </summary>
    public void AcceptAgain()
    {
        foreach (var connection in _all.Values.ToArray())
        {
            if (
                connection.State is ConnectionState.Waiting or ConnectionState.Serving
                && TakeServices(connection) is { } refusal
            )
            {
                // A sender of version 2 may offer others when it is told; an older one cannot.
                Guard(connection, c => Refuse(c, refusal));
            }
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

    private void Refuse(ReceiverConnection connection, string refusal)
    {
        if (connection.Link.Version < 2)
        {
            connection.Decide(new Denial(DenialCode.NoService, refusal));
            Leave(connection, refusal);
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

    /// <summary>A stranger has come in.</summary>
    private void OnAccepted(ReceiverConnection connection)
    {
        _all.Add(connection.Id, connection);
        if (connection.Step == GreetingStep.Done)
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
        events.Debug.Write(
            events.Relay,
            $"the connection of the sender at {connection.Remote} goes from {before} to {next}"
        );
        _leaving += (next == ConnectionState.Leaving ? 1 : 0) - (before == ConnectionState.Leaving ? 1 : 0);
        if (before == ConnectionState.Handshake)
        {
            _acceptor.Release(connection);
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
                SendGoodbye(connection, before);
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

    private void SendGoodbye(ReceiverConnection connection, ConnectionState before)
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

    /// <summary>Does what follows from the words of a connection before datagrams flow.</summary>
    private void Follow(ReceiverConnection connection, Verdict verdict, string reason)
    {
        while (verdict == Verdict.Greeted)
        {
            MoveTo(connection, ConnectionState.Waiting);
            verdict = Strangers.GoOn(connection, out reason);
        }

        switch (verdict)
        {
            case Verdict.Leaves:
                Leave(connection, reason);
                break;
            case Verdict.Ends:
                End(connection, reason);
                break;
            case Verdict.Breaks:
                Break(connection);
                break;
        }
    }

    /// <summary>A sender offers services: takes those that this receiver listens for.</summary>
    /// <returns>Why none is taken; null if some are.</returns>
    private string? TakeServices(ReceiverConnection connection)
    {
        var listening = ports();
        if (connection.Link.Version < 2)
        {
            return connection.Link.Codec.NamesFlows || listening.Count == 1
                ? null
                : $"this receiver has {listening.Count} services, and the sender is too old for several: update it";
        }

        var accepted = connection.Introduction.Offer.AcceptedBy(listening);
        connection.Accepted = accepted;
        return accepted.Ports.Length > 0
            ? null
            : $"it serves {connection.Introduction.Offer.ToDisplayText()}, and this receiver listens for "
                + ServiceOffer.OfPorts(listening).ToDisplayText();
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
        End(
            connection,
            connection.Link.FirstByte == Greeting.TlsHandshakeByte && connection.Link.Codec.NamesFlows
                    ? "it speaks TLS, and this relay the classic protocol: start it, or this relay, with the other --protocol"
                : connection.Flows is null ? "it sent what nobody may send before approval"
                : "it sent what the protocol does not know"
        );
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

        if (connection.Flows is not null)
        {
            events.Raise(
                EventKind.SenderGone,
                EventLevel.Warning,
                $"{connection.DisplayName} is gone: {reason}",
                Admissions.FactsOf(connection) with
                {
                    Problem = reason,
                }
            );
            return;
        }

        _problem = $"{connection.DisplayName}: {reason}";
        var kind = connection.Decision is null ? EventKind.SenderGone : EventKind.SenderDenied;
        events.Raise(kind, EventLevel.Warning, _problem, Admissions.FactsOf(connection) with { Problem = reason });
    }

    /// <summary>Lets in and sends away as it was decided.</summary>
    private void ApplyDecisions()
    {
        var revoked = admissions.TakeRevoked();
        var active = admissions.Active;
        foreach (var connection in _all.Values.ToArray())
        {
            if (
                connection.State is ConnectionState.Waiting or ConnectionState.Serving
                && connection.Decision is { } denial
            )
            {
                Guard(connection, c => Leave(c, denial.Text));
            }
            else if (
                connection.State == ConnectionState.Handshake
                && connection.Key is { } key
                && revoked.Contains(key)
            )
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
                    var verdict = Greeting.TurnAwayUnencrypted(
                        connection,
                        "it does not begin with TLS",
                        out var reason
                    );
                    Follow(connection, verdict, reason);
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
}
