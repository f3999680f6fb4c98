// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Crypto;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay;

/// <summary>What follows from what a connection has said before datagrams flow.</summary>
internal enum Verdict
{
    /// <summary>Nothing yet.</summary>
    GoesOn,

    /// <summary>It has said hello: it waits from now on, and there may be more to read.</summary>
    Greeted,

    /// <summary>It is sent away, and may take its last words in.</summary>
    Leaves,

    /// <summary>It is closed.</summary>
    Ends,

    /// <summary>It broke the protocol, and is closed.</summary>
    Breaks,
}

/// <summary>
/// What a stranger's connection may say to a receiver before datagrams flow: TLS, a hello, signs of life, and other
/// services. Belongs to the receiver's thread; moves no connection from one state to another.
/// </summary>
/// <param name="admissions">Who is remembered.</param>
/// <param name="proven">Called when a connection has proven a key that is remembered.</param>
/// <param name="offered">
/// Called when a connection offers services, in its hello or later; says why the receiver takes none, null if it takes
/// some.
/// </param>
internal sealed class Greeting(
    Admissions admissions,
    Action<ReceiverConnection> proven,
    Func<ReceiverConnection, string?> offered
)
{
    /// <summary>The first byte of every handshake of TLS.</summary>
    public const byte TlsHandshakeByte = 0x16;

    // A sender that waits says a ping of 30 bytes each 5 s.
    private const int MostBytesWhileWaiting = 16 * 1024;

    // Alert handshake_failure (RFC 8446, section 6): the other end's TLS, or our classic sender, knows from it which
    // protocol is spoken here.
    private static readonly byte[] TlsAlert = [0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28];

    /// <summary>Goes on with the handshake and the hello, as far as the bytes that have come allow.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="reason">Why it leaves or ends, for a person.</param>
    public Verdict Greet(ReceiverConnection connection, out string reason)
    {
        reason = "";
        var link = connection.Link;
        var now = RelayTimes.Now;
        if (connection.Step == GreetingStep.FirstByte)
        {
            switch (link.Socket.TryPeek())
            {
                case TcpSocket.Nothing:
                    return Verdict.GoesOn;
                case TcpSocket.Ended:
                    reason = "it closed the connection without a word";
                    return Verdict.Ends;
                case TlsHandshakeByte:
                    connection.StepTo(GreetingStep.Tls, now);
                    connection.Deadline = now + RelayTimes.Handshake;
                    break;
                default:
                    return TurnAwayUnencrypted(connection, "it does not speak TLS", out reason);
            }
        }

        if (connection.Step == GreetingStep.Tls)
        {
            switch (link.Shake())
            {
                case TlsProgress.Waits:
                    return Verdict.GoesOn;
                case TlsProgress.Failed:
                    reason = $"the TLS handshake failed: {link.Problem}";
                    return Verdict.Leaves;
            }

            connection.StepTo(GreetingStep.Hello, now);
            if (connection.Key is { } key && admissions.IsRemembered(key))
            {
                // It has proven a key that a person approved, so that strangers cannot take its place.
                proven(connection);
            }

            if (!link.TryWrite(FrameType.Hello, Hello.OfReceiver(link.Version)))
            {
                reason = "it closed the connection before its hello";
                return Verdict.Ends;
            }
        }

        return Read(connection, link.TryFill(), out reason);
    }

    /// <summary>Reads a connection to which no datagram may flow yet.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="came">Bytes that came; 0 if it has ended.</param>
    /// <param name="reason">Why it leaves or ends, for a person.</param>
    public Verdict Read(ReceiverConnection connection, int came, out string reason)
    {
        reason = "";
        var reader = connection.Link.Reader;
        for (; came > 0; came = reader.FillMore())
        {
            connection.Liveness.OnHeard(RelayTimes.Now);
            connection.BytesWhileWaiting += came;
            var verdict = TakeFrames(connection, out reason);
            if (verdict != Verdict.GoesOn)
            {
                return verdict;
            }

            if (connection.BytesWhileWaiting > MostBytesWhileWaiting)
            {
                return Verdict.Breaks;
            }
        }

        if (came == TcpSocket.Nothing)
        {
            return Verdict.GoesOn;
        }

        if (reader.IsOverfull)
        {
            return Verdict.Breaks;
        }

        reason =
            connection.Step == GreetingStep.Hello
                ? "it closed the connection before its hello"
                : "it closed the connection";
        return Verdict.Ends;
    }

    /// <summary>Tells a peer without TLS that this end speaks it.</summary>
    public static Verdict TurnAwayUnencrypted(ReceiverConnection connection, string finding, out string reason)
    {
        _ = connection.Link.Socket.TrySend(TlsAlert);
        reason = $"{finding}; if it speaks the classic protocol, start it, or this relay, with the other --protocol";
        return Verdict.Leaves;
    }

    /// <summary>Takes what has come behind the hello.</summary>
    public Verdict GoOn(ReceiverConnection connection, out string reason)
    {
        var verdict = TakeFrames(connection, out reason);
        return verdict == Verdict.GoesOn ? Read(connection, connection.Link.Reader.FillMore(), out reason) : verdict;
    }

    private Verdict TakeFrames(ReceiverConnection connection, out string reason)
    {
        reason = "";
        FrameStatus status;
        while ((status = connection.Link.Reader.Next(out var frame)) == FrameStatus.Complete)
        {
            if (connection.Step == GreetingStep.Hello)
            {
                return TakeHello(connection, frame, out reason);
            }

            if (!TakeWhileWaiting(connection, frame))
            {
                return Verdict.Breaks;
            }
        }

        return status == FrameStatus.Malformed ? Verdict.Breaks : Verdict.GoesOn;
    }

    private Verdict TakeHello(ReceiverConnection connection, in RelayFrame frame, out string reason)
    {
        var version = connection.Link.Version;
        reason =
            frame.Type != FrameType.Hello
                ? "it does not begin with a hello"
                : Hello.Problem(frame.Payload, fromReceiver: false, version) ?? "";
        var introduction = reason.Length > 0 ? null : Hello.ReadIntroduction(frame.Payload, version);
        if (introduction is null)
        {
            reason = reason.Length > 0 ? reason : "its hello does not say what it serves";
            connection.Counters.CountDrop(RelayDropReason.ProtocolError);
            return Deny(connection, DenialCode.ProtocolError, reason);
        }

        connection.KnowsWaiting = Hello.Knows(frame.Payload, FrameType.Waiting);
        connection.Introduction = introduction;
        connection.StepTo(GreetingStep.Done, RelayTimes.Now);
        if (offered(connection) is { } refusal)
        {
            reason = refusal;
            return Deny(connection, DenialCode.NoService, reason);
        }

        return Verdict.Greeted;
    }

    private static Verdict Deny(ReceiverConnection connection, DenialCode code, string reason)
    {
        _ = connection.Link.TryWrite(FrameType.Denied, new Denial(code, reason).Write());
        return Verdict.Leaves;
    }

    /// <returns>False if it breaks the protocol.</returns>
    private bool TakeWhileWaiting(ReceiverConnection connection, in RelayFrame frame)
    {
        switch (frame.Type)
        {
            case FrameType.Pong:
                return true;
            case FrameType.Ping:
                return connection.Link.TryWrite(FrameType.Pong, []);
            case FrameType.Services when connection.TakeOffer(frame.Payload):
                _ = offered(connection);
                return true;
            default:
                return false;
        }
    }
}
