// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Relay.Wire;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Relay;

public sealed unsafe class TlsCodecTests
{
    [Fact]
    public void A_datagram_frame_has_type_length_and_flow_in_network_byte_order()
    {
        var output = new byte[32];

        var length = new TlsCodec().WriteDatagram(output, 0x01020304, [], "abc"u8);

        Assert.Equal([4, 0, 0, 3, 1, 2, 3, 4, (byte)'a', (byte)'b', (byte)'c'], output[..length]);
    }

    [Fact]
    public void Frames_of_any_size_are_read_as_they_were_written_in_whatever_pieces_they_come() =>
        Randomised.Check(60, random =>
        {
            var codec = new TlsCodec();
            var datagrams = Enumerable
                .Range(0, random.Next(1, 6))
                .Select(_ =>
                    (
                        Flow: (uint)random.Next(1, int.MaxValue),
                        Bytes: random.Bytes(random.OneOf(0, 1, 40, 1500, IRelayCodec.MaxDatagram))
                    )
                )
                .ToList();
            var stream = new byte[datagrams.Sum(d => codec.FrameLength(d.Bytes.Length, []))];
            var end = 0;
            foreach (var (flow, bytes) in datagrams)
            {
                end += codec.WriteDatagram(stream.AsSpan(end), flow, [], bytes);
            }

            Assert.Equal(stream.Length, end);
            Assert.Equal(
                datagrams,
                FrameFeed.Read(codec, stream, random).Select(f => (f.FlowId, f.Payload)),
                FrameFeed.SameDatagram
            );
        });

    [Fact]
    public void Control_frames_are_read_as_they_were_written()
    {
        var codec = new TlsCodec();
        var output = new byte[64];
        foreach (
            var (type, flow, payload) in new (FrameType, uint, byte[])[]
            {
                (FrameType.Hello, 0, Hello.OfReceiver(2)),
                (FrameType.Approved, 0, []),
                (FrameType.Denied, 0, new Denial(DenialCode.Busy, "full").Write()),
                (FrameType.FlowClosed, 7, []),
                (FrameType.Ping, 0, []),
                (FrameType.Pong, 0, []),
                (FrameType.Waiting, 0, [(byte)WaitingReason.Taken]),
                (FrameType.FlowOpened, 7, new byte[FlowOpening.LengthV4]),
                (FrameType.FlowOpened, 7, new byte[FlowOpening.MaxLength]),
                (FrameType.Services, 0, ServiceOffer.None.Write()),
            }
        )
        {
            var length = codec.WriteControl(output, type, flow, payload);
            fixed (byte* start = output)
            {
                Assert.Equal(FrameStatus.Complete, codec.Read(start, length, out var frame, out var consumed));
                Assert.Equal((type, flow, length), (frame.Type, frame.FlowId, consumed));
                Assert.Equal(payload, frame.Payload.ToArray());
            }
        }
    }

    [Theory]
    [InlineData("0000000000000000", "a type of 0")]
    [InlineData("0900000000000001", "an unknown type")]
    [InlineData("ff00000000000001", "the last type")]
    [InlineData("0401000000000001", "the reserved byte is not 0")]
    [InlineData("0400000000000000", "a datagram of no flow")]
    [InlineData("0400ffe400000001", "a datagram of 65,508 bytes")]
    [InlineData("0400ffff00000001", "a datagram of 65,535 bytes")]
    [InlineData("0500000100000001", "a closed flow with a payload")]
    [InlineData("0500000000000000", "a closed flow of no number")]
    [InlineData("0600000100000000", "a ping with a payload")]
    [InlineData("0600000000000001", "a ping of a flow")]
    [InlineData("0100000100000000", "a hello that is too short")]
    [InlineData("0100020100000000", "a hello that is too long")]
    [InlineData("0300000000000000", "a denial without a code")]
    [InlineData("0300020100000000", "a denial that is too long")]
    [InlineData("0800000000000000", "waiting without a reason")]
    [InlineData("0800000100000001", "waiting of a flow")]
    public void What_the_protocol_does_not_know_is_refused_from_its_header_alone(string header, string what)
    {
        var bytes = System.Convert.FromHexString(header);
        fixed (byte* start = bytes)
        {
            Assert.True(new TlsCodec().Read(start, bytes.Length, out _, out _) == FrameStatus.Malformed, what);
        }
    }

    [Fact]
    public void Random_bytes_are_read_without_going_beyond_them() => Randomised.Check(3000, random =>
        {
            var bytes = random.Bytes(random.Next(0, 64));
            if (bytes.Length > 3 && random.Chance(70))
            {
                (bytes[0], bytes[1], bytes[2]) = ((byte)random.Next(0, 10), 0, 0);
            }

            using var memory = new GuardedMemory(4096);
            var start = memory.PlaceAtEnd(bytes);
            var status = new TlsCodec().Read(start, bytes.Length, out var frame, out var consumed);

            Assert.Equal(status == FrameStatus.Complete, consumed > 0);
            Assert.InRange(consumed, 0, bytes.Length);
            if (status == FrameStatus.Complete)
            {
                Assert.True(frame.Start >= start && frame.Start + frame.Length <= start + bytes.Length);
            }
        });
}
