using UdpTunnel.Linux;
using UdpTunnel.Relay.Flows;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay;

/// <summary>Sends answers to clients, those of one call together.</summary>
/// <param name="socket">Where clients send to.</param>
/// <param name="counters">Of the connection that they came by.</param>
internal sealed unsafe class AnswerSender(ClientSocket socket, RelayCounters counters) : IDisposable
{
    private readonly FlowBatch<ReceiverFlow> _batch = new();
    private readonly DatagramQueue _queue = new(socket.IsV6);

    /// <summary>Takes a datagram; it leaves with the next Send.</summary>
    public void Add(ReceiverFlow flow, in RelayFrame frame)
    {
        flow.CountToClient(frame.Length);
        _batch.Add(flow, ref flow.Chain, frame.Start, frame.Length);
        if (_batch.IsFull)
        {
            Send();
        }
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
        var result = _queue.Send(socket.Descriptor);
        counters.CountToClients(result.Sent, result.SentBytes);
        counters.CountLost(result);
    }
}
