using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Wire;
using UdpTunnel.Service;

namespace UdpTunnel.Relay;

/// <summary>What a sender does while datagrams flow, on the thread that connected.</summary>
internal sealed partial class SenderEngine
{
    /// <summary>Datagrams flow, until the connection ends.</summary>
    private Attempt Carry(SenderConnection connection)
    {
        ServiceLoop loop;
        try
        {
            loop = new ServiceLoop(connection, _config.Name, IdleTimeout);
        }
        catch (LinuxException e)
        {
            return Failed(connection, e.Message);
        }

        using var requests = new RequestSender(connection, loop, () => _service);
        lock (_gate)
        {
            _toService = requests.Counters;
            _toClients = loop.Counters;
        }

        try
        {
            if (!connection.Link.Codec.NamesFlows)
            {
                Running(connection);
            }

            return Read(connection, requests, loop);
        }
        finally
        {
            connection.Link.Shutdown();
            loop.Dispose();
            lock (_gate)
            {
                _past.Add(requests.Counters);
                _past.Add(loop.Counters);
                _toService = null;
                _toClients = null;
            }
        }
    }

    // The receiver ends flows first where both have the same timeout, so that it does not use one that was just ended here.
    private long IdleTimeout => (long)_config.IdleTimeout.TotalMilliseconds + (_config.Protocol == RelayProtocol.Tls ? 1000 : 0);

    private Attempt Read(SenderConnection connection, RequestSender requests, ServiceLoop loop)
    {
        using var pulse = Pulse.OfThisThread();
        var reader = connection.Link.Reader;
        reader.TrustPeer();
        FrameStatus status;
        do
        {
            var now = RelayTimes.Now;
            connection.Liveness.Hear(now);
            while ((status = reader.Next(out var frame)) == FrameStatus.Complete)
            {
                switch (frame.Type)
                {
                    case FrameType.Datagram:
                        requests.Add(frame, now);
                        break;
                    case FrameType.FlowClosed:
                        // What came before it is still sent.
                        requests.Send();
                        if (connection.Flows.TryEnd(frame.FlowId))
                        {
                            loop.Wake();
                        }

                        break;
                    case FrameType.Ping:
                        connection.WantPong();
                        loop.Wake();
                        break;
                    case FrameType.Pong or FrameType.Approved:
                        break;
                    case FrameType.Denied:
                        requests.Send();
                        return Denied(Denial.Read(frame.Payload)) with { WasLetIn = true };
                    default:
                        requests.Send();
                        return Broken(connection, requests);
                }
            }

            requests.Send();
            if (status == FrameStatus.Malformed)
            {
                return Broken(connection, requests);
            }

            if (!connection.IsLetIn && requests.Counters.FlowsOpened > 0)
            {
                Running(connection);
            }
        }
        while (reader.Fill(pulse));

        return Failed(connection, "it closed the connection") with { WasLetIn = connection.IsLetIn };
    }

    private void Running(SenderConnection connection)
    {
        lock (_gate)
        {
            connection.IsLetIn = true;
            _state = RelayState.Running;
            _problem = "";
        }

        _told = "";
        var key = connection.Link.PeerKey is { } peer ? $" ({peer})" : "";
        Tell(EventKind.RelayConnected, EventLevel.Info, $"connected to {connection.Link.Socket.Remote}{key}: datagrams flow");
    }
}
