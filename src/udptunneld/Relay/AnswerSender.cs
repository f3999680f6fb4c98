using UdpTunnel.Linux;
using UdpTunnel.Relay.Flows;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay;

/// <summary>
/// What the thread that reads a sender's connection does with the datagrams in it: sends them to the clients whose flows are live, and to nobody else.
/// </summary>
internal sealed unsafe class AnswerSender(ClientSocket socket, ReceiverConnection connection, bool namesFlows) : IDisposable
{
    private readonly FlowBatch<ReceiverFlow> _batch = new();
    private readonly DatagramQueue _queue = new(socket.IsV6);

    /// <summary>Takes a datagram; it leaves with the next Send.</summary>
    /// <returns>Whether the other thread has to tell the sender something.</returns>
    public bool Add(in RelayFrame frame, long now)
    {
        if (frame.Length > IRelayCodec.MaxDatagram)
        {
            connection.Counters.CountDrop(RelayDropReason.TooBig);
            return false;
        }

        if (connection.Flows!.Find(frame) is not { } flow)
        {
            connection.Counters.CountDrop(RelayDropReason.UnknownFlow);
            if (namesFlows)
            {
                return false;
            }

            connection.AddUnknownFlow(frame.FlowId);
            return true;
        }

        flow.MarkAnswered();
        flow.CountToClient(frame.Length, now);
        _batch.Add(flow, ref flow.Chain, frame.Start, frame.Length);
        if (_batch.IsFull)
        {
            Send();
        }

        return false;
    }

    /// <summary>Sends what was taken.</summary>
    public void Send()
    {
        var flows = _batch.Flows;
        for (var i = 0; i < flows.Length; i++)
        {
            var flow = flows[i];
            ref readonly var entry = ref _batch.First(i);
            while (true)
            {
                if (_queue.IsFull)
                {
                    Transmit();
                }

                _queue.Add(entry.Start, entry.Length, flow.Endpoint, flow.Local, flow.Id);
                if (entry.Next == 0)
                {
                    break;
                }

                entry = ref _batch.After(entry);
            }
        }

        if (!_queue.IsEmpty)
        {
            Transmit();
        }

        _batch.Clear();
    }

    /// <inheritdoc/>
    public void Dispose() => _queue.Dispose();

    private void Transmit()
    {
        // Waits for room in the socket's buffer: the answers behind these stay with the sender meanwhile.
        var result = _queue.Send(socket.Descriptor, wait: true);
        connection.Counters.CountToClients(result.Sent, result.SentBytes);
        if (result.Failed > 0)
        {
            connection.Counters.CountDrop(RelayDropReason.SendFailed, result.Failed);
        }

        if (result.TooBig > 0)
        {
            connection.Counters.CountDrop(RelayDropReason.TooBig, result.TooBig);
        }
    }
}
