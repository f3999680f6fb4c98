using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Approval;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay;

/// <summary>How senders connect and wait: accepting, handshake, hello, and the end.</summary>
internal sealed partial class ReceiverEngine
{
    private const int MaxHandshakes = 16;
    private const int MaxHandshakesPerAddress = 4;
    private const int StackSize = 512 * 1024;
    private const int TlsHandshakeByte = 0x16;

    private static readonly TimeSpan AcceptPause = TimeSpan.FromMilliseconds(100);

    // Strangers must not fill the log: these are told, the rest are only counted. Those that wait are listed in any case.
    private readonly Throttle _troubles = new(1, 10_000);
    private readonly Throttle _arrivals = new(8, 10_000);

    private void Accept()
    {
        while (!_stops)
        {
            var error = _listener.Accept(out var socket);
            if (socket is not null)
            {
                Welcome(socket);
            }
            else if (error != Errno.None)
            {
                // Out of descriptors or memory. The connection stays in the kernel's queue; others may free what it needs.
                _shared.CountDropShared(RelayDropReason.NoDescriptors);
                _pause.Wait(AcceptPause);
            }
        }
    }

    private void Welcome(TcpSocket socket)
    {
        var isTls = _config.Protocol == RelayProtocol.Tls;
        var connection = new ReceiverConnection(socket, isTls ? new TlsCodec() : new ClassicCodec(), isTls);
        lock (_gate)
        {
            var address = socket.Remote.Address;
            var handshakes = _connections.Where(c => c.IsHandshaking).ToList();
            if (handshakes.Count < MaxHandshakes && handshakes.Count(c => c.Remote.Address.Equals(address)) < MaxHandshakesPerAddress)
            {
                _connections.Add(connection);
                connection.Thread = new Thread(() => Serve(connection), StackSize)
                {
                    IsBackground = true,
                    Name = $"{_config.Name} sender",
                };
                connection.Thread.Start();
                return;
            }
        }

        _shared.CountDropShared(RelayDropReason.PendingLimit);
        connection.Dispose();
    }

    /// <summary>Runs on the connection's own thread from its first byte to its end.</summary>
    private void Serve(ReceiverConnection connection)
    {
        try
        {
            if (_identity is { } identity && ReceiverGreeting.Run(connection, identity) is { } trouble)
            {
                Report(connection, trouble);
            }
            else
            {
                Admit(connection);
                Read(connection);
            }
        }
        catch (Exception e)
        {
            // A stranger drives this thread: an exception that nobody foresaw ends its connection, not the daemon.
            connection.End($"this end failed: {e.GetType().Name}: {e.Message}");
        }
        finally
        {
            Finish(connection);
        }
    }

    /// <summary>Decides what becomes of a sender that has proven its key.</summary>
    private void Admit(ReceiverConnection connection)
    {
        Admission admission;
        ReceiverConnection? replaced;
        bool isTold;
        lock (_gate)
        {
            connection.IsHandshaking = false;
            connection.Limit(int.MaxValue);
            admission = _approvals.Enter(connection, out replaced);
            isTold = _arrivals.TryPass(RelayTimes.Now);
            if (admission == Admission.LetIn)
            {
                LetIn(connection, replaced);
            }
        }

        switch (admission)
        {
            case Admission.LetIn:
                Tell(EventKind.SenderApproved, EventLevel.Info, $"{connection.Who} is let in: its key is remembered");
                break;
            case Admission.Waits:
                replaced?.Deny(new Denial(DenialCode.Replaced, "the same key connected again"));
                if (isTold)
                {
                    var hint = connection.Key is { } key ? key.ToString() : connection.Remote.ToString();
                    Tell(EventKind.SenderPending, EventLevel.Info, $"{connection.Who} waits: `udptunnelctl approve {hint}` lets it in");
                }

                break;
            default:
                _shared.CountDropShared(RelayDropReason.PendingLimit);
                connection.Deny(new Denial(DenialCode.Busy, "too many senders wait for approval already"));
                break;
        }

        Changed();
    }

    /// <summary>Under the gate: datagrams flow to this connection from now on.</summary>
    private void LetIn(ReceiverConnection connection, ReceiverConnection? replaced)
    {
        replaced?.SayGoodbye(new Denial(DenialCode.Replaced, "the same key connected again"));
        connection.LetIn(NewFlows(connection));
        _letIn = connection;
        _admitted.Enqueue(connection);
        _letInCount++;
        _problem = "";
        _loop.Wake();
        if (_config.Protocol == RelayProtocol.Classic)
        {
            // Its end is the only word that the protocol has for those who waited beside it.
            foreach (var other in _approvals.Waiting)
            {
                other.Applicant.Deny(new Denial(DenialCode.Busy, "another sender was let in"));
            }
        }
    }

    /// <summary>Reads what a sender says that waits, until it is let in or gone.</summary>
    private void Read(ReceiverConnection connection)
    {
        var reader = connection.Link.Reader;
        while (reader.Fill())
        {
            connection.Liveness.Hear(RelayTimes.Now);
            if (connection.Flows is not null)
            {
                connection.HandOver();
                _loop.Wake();
                connection.AwaitReadingEnd();
                if (connection.IsBroken)
                {
                    Break(connection);
                }

                return;
            }

            FrameStatus status;
            while ((status = reader.Next(out var frame)) == FrameStatus.Complete && Take(connection, frame.Type))
            {
            }

            if (status != FrameStatus.Incomplete)
            {
                Break(connection);
                return;
            }
        }

        if (reader.IsOverfull)
        {
            Break(connection);
        }
    }

    /// <returns>False if one that waits may not send such a frame.</returns>
    private static bool Take(ReceiverConnection connection, FrameType type)
    {
        if (type == FrameType.Ping)
        {
            // Refused if it was let in at this moment, which it is told: that is a sign of life as well.
            connection.Link.TryWrite(FrameType.Pong, []);
        }

        return type is FrameType.Ping or FrameType.Pong;
    }

    private static void Break(ReceiverConnection connection)
    {
        if (connection.EndReason is null)
        {
            connection.Counters.CountDrop(RelayDropReason.ProtocolError);
        }

        var reason = connection.Link.FirstByte == TlsHandshakeByte && connection.Link.Codec.NamesFlows
            ? "it speaks TLS, and this relay the classic protocol: start it, or this relay, with the other --protocol"
            : connection.Flows is null ? "it sent what nobody may send before approval" : "it sent what the protocol does not know";
        connection.End(reason);
    }

    /// <summary>The connection has ended and its thread touches it no more.</summary>
    private void Finish(ReceiverConnection connection)
    {
        ReceiverConnection? next;
        bool wasActive;
        lock (_gate)
        {
            wasActive = ReferenceEquals(_letIn, connection);
            connection.HasEnded = true;
            _connections.Remove(connection);
            _past.Add(connection.Counters);
            next = _approvals.Leave(connection);
            if (wasActive)
            {
                _letIn = null;
                _lastHeard = connection.Liveness.Heard;
            }

            if (next is not null)
            {
                LetIn(next, replaced: null);
            }
        }

        if (connection.Flows is not null)
        {
            // The thread that wrote to it closes it.
            _ended.Enqueue(connection);
            _loop.Wake();
        }
        else
        {
            connection.Dispose();
        }

        if (!connection.IsHandshaking && !_stops)
        {
            Report(connection, connection.EndReason ?? "it closed the connection");
        }

        if (next is not null)
        {
            Tell(EventKind.SenderApproved, EventLevel.Info, $"{next.Who} is let in: its key is remembered");
        }

        Changed();
    }

    private void Report(ReceiverConnection connection, string trouble)
    {
        if (connection.Flows is not null)
        {
            Tell(EventKind.SenderGone, EventLevel.Warning, $"{connection.Who} is gone: {trouble}");
            return;
        }

        var message = $"{connection.Who}: {trouble}";
        lock (_gate)
        {
            _problem = message;
            if (!_troubles.TryPass(RelayTimes.Now) && connection.Goodbye is null)
            {
                return;
            }
        }

        Tell(connection.Goodbye is null ? EventKind.SenderGone : EventKind.SenderDenied, EventLevel.Warning, message);
    }
}
