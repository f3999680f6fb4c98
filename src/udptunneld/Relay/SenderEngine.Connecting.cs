using System.Net.Sockets;
using System.Security.Authentication;
using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay;

/// <summary>How a sender connects: looking up, handshake, pinning and waiting for approval. All on one thread.</summary>
internal sealed partial class SenderEngine
{
    private const byte TlsAlertByte = 0x15;
    private const byte TlsHandshakeByte = 0x16;

    // A person has to do something first; the receiver shall not be pestered meanwhile.
    private static readonly TimeSpan RefusedPause = TimeSpan.FromSeconds(60);

    private readonly Backoff _backoff = new(Random.Shared.NextDouble);
    private string _told = "";

    private bool Stops => _stopping.IsCancellationRequested;

    private void Run()
    {
        while (!Stops)
        {
            _retry.Reset();
            var attempt = Try();
            if (Stops)
            {
                return;
            }

            if (attempt.WasLetIn)
            {
                _backoff.Reset();
            }

            var wait = attempt.IsRefused ? RefusedPause : _backoff.Next();
            lock (_gate)
            {
                _state = attempt.IsRefused ? RelayState.Refused : RelayState.Connecting;
                _problem = attempt.Problem;
            }

            // Told once until it succeeds, or fails in another way.
            if (_told != attempt.Problem)
            {
                _told = attempt.Problem;
                Tell(EventKind.RelayDisconnected, EventLevel.Warning, attempt.Problem);
            }

            _retry.Wait(wait);
        }
    }

    private Attempt Try()
    {
        TcpSocket socket;
        try
        {
            socket = _dialer.Connect();
        }
        catch (Exception e) when (e is LinuxException or SocketException or TimeoutException or OperationCanceledException)
        {
            return new Attempt(e is LinuxException ? e.Message : $"cannot resolve {_config.TcpAddress.Host}: {e.Message}", false, false);
        }

        var isTls = _config.Protocol == RelayProtocol.Tls;
        var connection = new SenderConnection(socket, isTls ? new TlsCodec() : new ClassicCodec(), isTls, _config.MaxFlows);
        lock (_gate)
        {
            _connection = connection;
            _connections++;
            _peerAddress = socket.Remote.ToString();
            _peerKey = null;
        }

        // Dispose may have looked for the connection before it was there.
        if (Stops)
        {
            connection.End("the sender stops");
        }

        try
        {
            return Greet(connection) ?? AwaitApproval(connection);
        }
        catch (Exception e)
        {
            // Nobody has checked the receiver's key at first: an exception that nobody foresaw ends this connection,
            // not the daemon.
            return Failed(connection, $"this end failed: {e.GetType().Name}: {e.Message}");
        }
        finally
        {
            lock (_gate)
            {
                _connection = null;
                _past.Add(connection.Counters);
                _lastHeard = connection.IsGreeted ? connection.Liveness.Heard : _lastHeard;
            }

            connection.Dispose();
        }
    }

    /// <summary>Handshake and pinning.</summary>
    /// <returns>Null if it may go on.</returns>
    private Attempt? Greet(SenderConnection connection)
    {
        var link = connection.Link;
        if (_config.Protocol == RelayProtocol.Classic)
        {
            connection.Greeted();
            lock (_gate)
            {
                _state = RelayState.Pending;
                _problem = "connected; the classic protocol does not tell whether the receiver has approved it before the first datagram"
                    + (_told.Length > 0 ? $"; last time: {_told}" : "");
            }

            return null;
        }

        try
        {
            link.Secure(_identity!, isReceiver: false);
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            return Failed(connection, link.FirstByte is -1 or TlsHandshakeByte or TlsAlertByte
                ? $"the TLS handshake failed: {(e.InnerException ?? e).Message}; it may speak the classic protocol (--protocol)"
                : "it does not speak TLS; if it speaks the classic protocol, start it, or this relay, with the other --protocol");
        }

        var key = link.PeerKey!;
        lock (_gate)
        {
            _peerKey = key;
        }

        if (CheckKey(key) is { } refused)
        {
            return refused;
        }

        connection.Greeted();
        connection.Liveness.Hear(RelayTimes.Now);
        link.TryWrite(FrameType.Hello, Hello.Of(isReceiver: false));
        return null;
    }

    private Attempt? CheckKey(KeyFingerprint key)
    {
        KeyFingerprint? expected;
        try
        {
            expected = _config.ReceiverKey ?? _keys.Find();
            if (expected is null)
            {
                _keys.Remember(key);
            }
        }
        catch (RequestException e)
        {
            return new Attempt(e.Message, false, false);
        }

        if (expected is null)
        {
            Tell(EventKind.RelayConnected, EventLevel.Info, $"the receiver's key is {key}; it is remembered, and another one will be refused");
            return null;
        }

        if (expected == key)
        {
            return null;
        }

        var advice = _config.ReceiverKey is null
            ? $"if the receiver was set up anew, `udptunnelctl relay accept-key {_config.Name} {key}` accepts it"
            : "if the receiver was set up anew, start the relay with the new --receiver-key";
        var problem = $"the receiver shows the key {key}, but {expected} is expected: somebody may be in between; {advice}";
        if (_told != problem)
        {
            _told = problem;
            Tell(EventKind.ReceiverKeyChanged, EventLevel.Error, problem);
        }

        return new Attempt(problem, false, IsRefused: true);
    }

    /// <summary>Waits until the receiver lets datagrams flow, and carries them then.</summary>
    private Attempt AwaitApproval(SenderConnection connection)
    {
        var reader = connection.Link.Reader;
        if (connection.Link.Codec.NamesFlows)
        {
            // Its receiver says nothing before the first datagram.
            return Carry(connection);
        }

        while (reader.Fill())
        {
            connection.Liveness.Hear(RelayTimes.Now);
            FrameStatus status;
            while ((status = reader.Next(out var frame)) == FrameStatus.Complete)
            {
                switch (frame.Type)
                {
                    case FrameType.Hello when Hello.Problem(frame.Payload, fromReceiver: true) is { } problem:
                        return Failed(connection, problem);
                    case FrameType.Hello:
                        Waits(WaitingReason.Decision);
                        break;
                    case FrameType.Waiting:
                        Waits((WaitingReason)frame.Payload[0]);
                        break;
                    case FrameType.Approved:
                        return Carry(connection);
                    case FrameType.Denied:
                        return Denied(Denial.Read(frame.Payload));
                    case FrameType.Ping:
                        connection.Link.TryWrite(FrameType.Pong, []);
                        break;
                    case FrameType.Pong:
                        break;
                    default:
                        return Broken(connection);
                }
            }

            if (status == FrameStatus.Malformed)
            {
                return Broken(connection);
            }
        }

        return Failed(connection, "it closed the connection");
    }

    private void Waits(WaitingReason reason)
    {
        var isTaken = reason == WaitingReason.Taken;
        var problem = isTaken
            ? "the receiver has let another sender in; this one waits until that is gone and the receiver's user approves it"
            : "waits until the receiver's user approves it";
        lock (_gate)
        {
            _state = RelayState.Pending;
            _problem = problem;
        }

        // Told once until it is let in itself: the receiver cannot fill the log with it.
        if (isTaken && _told != problem)
        {
            _told = problem;
            Tell(EventKind.RelayWaiting, EventLevel.Warning, problem);
        }
    }

    private static Attempt Broken(SenderConnection connection)
    {
        connection.Counters.CountDrop(RelayDropReason.ProtocolError);
        var problem = connection.Link.FirstByte is TlsAlertByte or TlsHandshakeByte && connection.Link.Codec.NamesFlows
            ? "it speaks TLS: start this relay with --protocol tls"
            : "it sent what the protocol does not know";
        return Failed(connection, problem) with { WasLetIn = connection.IsLetIn };
    }

    private Attempt Denied(Denial denial) => new(
        $"the receiver {_peerAddress} sent this sender away: {denial.Text}", WasLetIn: false, IsRefused: denial.IsFinal);

    private static Attempt Failed(SenderConnection connection, string problem) =>
        new($"receiver {connection.Link.Socket.Remote}: {connection.EndReason ?? problem}", WasLetIn: false, IsRefused: false);
}
