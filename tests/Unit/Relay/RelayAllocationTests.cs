// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Text;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Flows;
using UdpTunnel.Relay.Wire;
using UdpTunnel.Tests.Memory;

namespace UdpTunnel.Tests.Relay;

/// <summary>Nothing on the path of a datagram allocates.</summary>
public sealed unsafe class RelayAllocationTests
{
    [Fact]
    public void Tls_frames_are_written_and_read_without_allocating() => Check(new TlsCodec());

    [Fact]
    public void Classic_lines_are_written_and_read_without_allocating() => Check(new ClassicCodec());

    private static void Check(IRelayCodec codec)
    {
        var source = Endpoint.From(IPEndPoint.Parse("192.0.2.7:40112"), dualStack: true);
        var flows = new ReceiverFlows(10, 1000, codec, s => Encoding.UTF8.GetBytes(s.ToString()));
        flows.TryOpen(source, 0, out var flow, out _);
        var batch = new FlowBatch<ReceiverFlow>();
        var datagram = new byte[1400];
        var buffer = new byte[4096];
        var found = 0;

        fixed (byte* start = buffer)
        {
            // A pointer cannot be captured.
            var address = (nint)start;
            Allocated.AssertNothing(() =>
            {
                var sending = flows.Find(source)!;
                var length = codec.WriteDatagram(buffer, sending.Id, sending.Label, datagram);
                _ = codec.Read((byte*)address, length, out var frame, out _);
                if (flows.Find(frame) is { } answering)
                {
                    flows.OnAnswer(answering, 1);
                    answering.CountToClient(frame.Length);
                    batch.Add(answering, ref answering.Chain, frame.Start, frame.Length);
                    found++;
                }

                batch.Clear();
            });
        }

        Assert.Equal(found, flow!.Traffic.PacketsToClients);
        Assert.True(found > 0);
    }
}
