// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Linux;
using UdpTunnel.Relay.Flows;
using UdpTunnel.Relay.Link;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay;

/// <summary>
/// What the thread that receives from clients does with their datagrams: finds or opens the flow of each and hands it
/// to the connection that is let in.
/// </summary>
/// <param name="counters">Of that thread.</param>
internal sealed unsafe class ClientRequests(RelayCounters counters)
{
    /// <summary>Nobody is let in: all are dropped.</summary>
    public void Drop(ReceiveBatch batch, int count)
    {
        for (var i = 0; i < count; i++)
        {
            counters.CountDrop(RelayDropReason.NotApproved, Datagrams(batch, i));
        }
    }

    /// <summary>Adds all to what is written next.</summary>
    public void Forward(
        ReceiveBatch batch,
        int count,
        ReceiverConnection connection,
        FrameWriter writer,
        ClientSocket socket
    )
    {
        var now = RelayTimes.Now;
        var flows = connection.Flows!;
        for (var i = 0; i < count; i++)
        {
            if (batch.IsTruncated(i))
            {
                counters.CountDrop(RelayDropReason.TooBig);
            }
            else if (
                FlowOf(connection, writer, batch, i, socket, now, out var flow)
                is var reason
                    and not RelayDropReason.None
            )
            {
                counters.CountDrop(reason, Datagrams(batch, i));
            }
            else
            {
                flow!.Local = batch.Local(i);
                flows.OnRequest(flow, now);
                Forward(writer, flows, flow, batch.Start(i), batch.Length(i), batch.DatagramSize(i), now);
            }
        }
    }

    private static int Datagrams(ReceiveBatch batch, int message)
    {
        var size = Math.Max(1, batch.DatagramSize(message));
        return Math.Max(1, (batch.Length(message) + size - 1) / size);
    }

    private void Forward(
        FrameWriter writer,
        ReceiverFlows flows,
        ReceiverFlow flow,
        byte* start,
        int length,
        int size,
        long now
    )
    {
        do
        {
            // An empty datagram is one, too.
            var datagram = Math.Min(length, Math.Max(1, size));
            if (datagram > IRelayCodec.MaxDatagram)
            {
                counters.CountDrop(RelayDropReason.TooBig);
            }
            else if (!flows.MaySend(flow, datagram, now))
            {
                counters.CountDrop(RelayDropReason.ClientRate);
            }
            else
            {
                writer.Add(flow, new ReadOnlySpan<byte>(start, datagram));
            }

            start += datagram;
            length -= datagram;
        } while (length > 0);
    }

    private RelayDropReason FlowOf(
        ReceiverConnection connection,
        FrameWriter writer,
        ReceiveBatch batch,
        int message,
        ClientSocket socket,
        long now,
        out ReceiverFlow? flow
    )
    {
        var flows = connection.Flows!;
        ref readonly var source = ref batch.Source(message);
        flow = flows.Find(source, socket);
        if (flow is not null)
        {
            return RelayDropReason.None;
        }

        if (!connection.Takes(socket.Port))
        {
            return RelayDropReason.NoService;
        }

        var reason = flows.TryOpen(source, now, out flow, out var displaced, socket);
        if (displaced is not null)
        {
            if (displaced.Standing != FlowStanding.Answered)
            {
                // More of it was to come; a question that was answered is over.
                counters.CountDrop(RelayDropReason.FlowLimit);
            }

            writer.AddControl(FrameType.FlowClosed, displaced.Id, []);
        }

        if (reason == RelayDropReason.None)
        {
            counters.CountFlow();
            if (connection.Link.Version >= 2)
            {
                // Without it the sender answers that it does not know the flow, which then opens again.
                Span<byte> payload = stackalloc byte[FlowOpening.MaxLength];
                var length = OpeningOf(source, batch.Local(message), socket).Write(payload);
                writer.AddControl(FrameType.FlowOpened, flow!.Id, payload[..length]);
            }
        }

        return reason;
    }

    private static FlowOpening OpeningOf(in Endpoint source, SourceAddress local, ClientSocket socket)
    {
        var (high, low) = source.AddressBits;
        var client = new UInt128(high, low);
        return new FlowOpening((ushort)socket.Port, source.Port, client, socket.AddressOf(local), source.IsV4);
    }
}
