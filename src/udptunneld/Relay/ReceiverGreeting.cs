using System.Security.Authentication;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Link;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay;

/// <summary>How a connection of the protocol tls begins at the receiver: first byte, handshake, hello. Runs on the connection's own thread.</summary>
internal static class ReceiverGreeting
{
    private const int TlsHandshakeByte = 0x16;

    // Alert handshake_failure (RFC 8446, section 6): the other end's TLS, or our classic sender, knows from it what is spoken here.
    private static readonly byte[] TlsAlert = [0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28];

    /// <summary>Runs it.</summary>
    /// <returns>What went wrong, for a person; null if nothing did.</returns>
    public static string? Run(ReceiverConnection connection, Identity identity)
    {
        var link = connection.Link;
        var first = link.Socket.Peek(TimeSpan.FromMilliseconds(RelayTimes.FirstByte));
        if (first == TcpSocket.Ended)
        {
            return "it closed the connection without a word";
        }

        if (first != TlsHandshakeByte)
        {
            _ = link.Socket.TrySend(TlsAlert);
            link.Socket.FinishSending();
            return first == TcpSocket.Nothing
                ? "it does not begin with TLS; if it speaks the classic protocol, start it, or this relay, with the other --protocol"
                : "it does not speak TLS; if it speaks the classic protocol, start it, or this relay, with the other --protocol";
        }

        try
        {
            link.Secure(identity, isReceiver: true);
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            return connection.EndReason ?? $"the TLS handshake failed: {(e.InnerException ?? e).Message}";
        }

        link.TryWrite(FrameType.Hello, Hello.Of(isReceiver: true));
        return Hear(connection);
    }

    private static string? Hear(ReceiverConnection connection)
    {
        var reader = connection.Link.Reader;
        var status = FrameStatus.Incomplete;
        while (status == FrameStatus.Incomplete)
        {
            if (!reader.Fill())
            {
                return connection.EndReason ?? "it closed the connection before its hello";
            }

            status = reader.Next(out var frame);
            if (status == FrameStatus.Complete && frame.Type == FrameType.Hello)
            {
                connection.KnowsWaiting = Hello.Knows(frame.Payload, FrameType.Waiting);
                return Hello.Problem(frame.Payload, fromReceiver: false) is { } problem ? TurnAway(connection, problem) : null;
            }
        }

        return TurnAway(connection, "it does not begin with a hello");
    }

    private static string TurnAway(ReceiverConnection connection, string problem)
    {
        connection.Counters.CountDrop(RelayDropReason.ProtocolError);
        connection.Link.TryWrite(FrameType.Denied, new Denial(DenialCode.ProtocolError, problem).Write());
        return problem;
    }
}
