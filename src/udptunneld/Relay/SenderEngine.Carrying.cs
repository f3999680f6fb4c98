using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Relay.Wire;

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
            loop = new ServiceLoop(connection, IdleTimeout);
        }
        catch (IOException e)
        {
            return Failed(connection, e.Message);
        }

        using var requests = new RequestSender(connection, loop, () => _service);
        try
        {
            if (!connection.Link.Codec.NamesFlows)
            {
                Running(connection);
            }

            Attempt? end = null;
            loop.Run(() => (end = Take(connection, requests, loop)) is null);
            return end!;
        }
        finally
        {
            connection.Link.Shutdown();
            loop.Dispose();
        }
    }

    // The receiver ends flows first where both have the same timeout, so that it does not use one that was just ended here.
    private long IdleTimeout => (long)_config.IdleTimeout.TotalMilliseconds + (_config.Protocol == RelayProtocol.Tls ? 1000 : 0);

    /// <summary>Takes what the receiver has sent.</summary>
    /// <returns>Null if it goes on.</returns>
    private Attempt? Take(SenderConnection connection, RequestSender requests, ServiceLoop loop)
    {
        var came = connection.Link.TryFill();
        var now = RelayTimes.Now;
        if (came > 0)
        {
            connection.Liveness.Hear(now);
        }

        var status = FrameStatus.Incomplete;
        Attempt? end = null;
        while (end is null && (status = connection.Link.Reader.Next(out var frame)) == FrameStatus.Complete)
        {
            end = Take(frame, connection, requests, loop, now);
        }

        // What came before the end is still sent.
        requests.Send();
        if (!connection.IsLetIn && connection.Counters.FlowsOpened > 0)
        {
            Running(connection);
        }

        return end
            ?? (status == FrameStatus.Malformed ? Broken(connection) : null)
            ?? (came == 0 ? Failed(connection, "it closed the connection") with { WasLetIn = connection.IsLetIn } : null);
    }

    private Attempt? Take(in RelayFrame frame, SenderConnection connection, RequestSender requests, ServiceLoop loop, long now)
    {
        switch (frame.Type)
        {
            case FrameType.Datagram:
                requests.Add(frame, now);
                return null;
            case FrameType.FlowClosed:
                if (connection.Flows.Find(frame.FlowId) is { } flow)
                {
                    requests.Send();
                    loop.Close(flow);
                }

                return null;
            case FrameType.Ping:
                loop.Writer.AddControl(FrameType.Pong, 0, []);
                return null;
            case FrameType.Pong or FrameType.Approved:
                return null;
            case FrameType.Denied:
                return Denied(Denial.Read(frame.Payload)) with { WasLetIn = true };
            default:
                return Broken(connection);
        }
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
