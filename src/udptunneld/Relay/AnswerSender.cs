// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Linux;
using UdpTunnel.Relay.Flows;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay;

/// <summary>Sends answers to clients, those of one call together.</summary>
/// <param name="counters">Of the connection that they came by.</param>
internal sealed unsafe class AnswerSender(RelayCounters counters) : IDisposable
{
    private readonly FlowBatch<ReceiverFlow> _batch = new();

    // A queue's messages are made for one family; most receivers have one.
    private DatagramQueue? _v4;
    private DatagramQueue? _v6;

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
        ClientSocket? socket = null;
        DatagramQueue? queue = null;
        for (var i = 0; i < flows.Length; i++)
        {
            var flow = flows[i];
            if (!ReferenceEquals(flow.Socket, socket) || queue is null)
            {
                Transmit(queue, socket);
                socket = flow.Socket!;
                queue = QueueOf(socket);
            }

            ref readonly var entry = ref _batch.First(i);
            while (true)
            {
                if (queue.IsFull)
                {
                    Transmit(queue, socket);
                }

                queue.Add(entry.Start, entry.Length, flow.Endpoint, flow.Local);
                if (entry.Next == 0)
                {
                    break;
                }

                entry = ref _batch.After(entry);
            }
        }

        Transmit(queue, socket);
        _batch.Clear();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _v4?.Dispose();
        _v6?.Dispose();
    }

    private DatagramQueue QueueOf(ClientSocket socket) =>
        socket.IsV6 ? _v6 ??= new DatagramQueue(isV6: true) : _v4 ??= new DatagramQueue(isV6: false);

    private void Transmit(DatagramQueue? queue, ClientSocket? socket)
    {
        if (queue is null || queue.IsEmpty)
        {
            return;
        }

        var result = queue.Send(socket!.Descriptor);
        counters.CountToClients(result.Sent, result.SentBytes);
        counters.CountLost(result);
    }
}
