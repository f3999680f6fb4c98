// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using UdpTunnel.Packets;
using UdpTunnel.Tests.Filter;

namespace UdpTunnel.Tests.Packets;

/// <summary>ICMP errors and TCP resets about packets, read byte by byte.</summary>
public sealed unsafe class ReplyPacketTests
{
    private static readonly IcmpErrorKind[] Kinds = Enum.GetValues<IcmpErrorKind>();

    [Fact]
    public void An_error_quotes_the_packet_has_right_checksums_and_is_no_longer_than_it_may_be() =>
        Randomised.Check(1000, random =>
        {
            TestPacket about = Any(random);
            byte[] packet = about.Build();
            IcmpErrorKind kind = random.OneOf(Kinds);
            byte[] error = Error(packet, kind, mtu: 1280);

            int ip = about.IsV6 ? 40 : 20;
            Assert.Equal(Math.Min(packet.Length + ip + 8, about.IsV6 ? 1280 : 576), error.Length);
            AssertSameWay(packet, error, about.IsV6);
            Assert.Equal(
                (about.IsV6, kind) switch
                {
                    (false, IcmpErrorKind.PortUnreachable) => (3, 3),
                    (false, IcmpErrorKind.Prohibited) => (3, 13),
                    (false, IcmpErrorKind.NoRoute) => (3, 0),
                    (false, _) => (3, 4),
                    (true, IcmpErrorKind.PortUnreachable) => (1, 4),
                    (true, IcmpErrorKind.Prohibited) => (1, 1),
                    (true, IcmpErrorKind.NoRoute) => (1, 0),
                    _ => (2, 0),
                },
                (error[ip], error[ip + 1])
            );
            Assert.Equal(
                kind == IcmpErrorKind.TooBig ? 1280u : 0,
                BinaryPrimitives.ReadUInt32BigEndian(error.AsSpan(ip + 4))
            );
            Assert.True(error.AsSpan(ip + 8).SequenceEqual(packet.AsSpan(0, error.Length - ip - 8)));
            AssertSum(error, about.IsV6, (byte)(about.IsV6 ? 58 : 1));

            // Never about an error, and every filter lets it pass.
            Assert.Empty(Error(error, kind));
            Assert.Empty(Reset(error));
            using var filter = new UdpTunnel.Filter.PortFilter(
                PortFilterCalls.Ports(22),
                versions: UdpTunnel.Filter.IpVersions.Both
            );
            Assert.Equal(DropReason.None, filter.Check(Direction.In, error, 1));
        });

    [Fact]
    public void A_reset_takes_the_place_in_the_stream_that_the_segment_names() => Randomised.Check(1000, random =>
        {
            TestPacket about = Any(random) with { IsUdp = false };
            byte[] packet = about.Build();
            byte[] reset = Reset(packet);
            if ((about.Flags & TestPacket.Rst) != 0)
            {
                Assert.Empty(reset);
                return;
            }

            int ip = about.IsV6 ? 40 : 20;
            Assert.Equal(ip + 20, reset.Length);
            AssertSameWay(packet, reset, about.IsV6);
            AssertSum(reset, about.IsV6, 6);
            Assert.Equal(
                (about.DestinationPort, about.SourcePort),
                (
                    BinaryPrimitives.ReadUInt16BigEndian(reset.AsSpan(ip)),
                    BinaryPrimitives.ReadUInt16BigEndian(reset.AsSpan(ip + 2))
                )
            );
            uint sequence = BinaryPrimitives.ReadUInt32BigEndian(reset.AsSpan(ip + 4));
            uint acknowledgment = BinaryPrimitives.ReadUInt32BigEndian(reset.AsSpan(ip + 8));
            if ((about.Flags & TestPacket.Ack) != 0)
            {
                Assert.Equal((about.Acknowledgment, 0u, TestPacket.Rst), (sequence, acknowledgment, reset[ip + 13]));
            }
            else
            {
                int length =
                    about.Payload.Length + ((about.Flags & TestPacket.Syn) / 2) + (about.Flags & TestPacket.Fin);
                Assert.Equal(
                    (0u, about.Sequence + (uint)length, (byte)(TestPacket.Rst | TestPacket.Ack)),
                    (sequence, acknowledgment, reset[ip + 13])
                );
            }

            Assert.Empty(Reset(reset));
        });

    [Theory]
    [InlineData(0x0A000001u, 0xE0000001u)]
    [InlineData(0x0A000001u, 0xFFFFFFFFu)]
    [InlineData(0x0A000001u, 0x7F000001u)]
    [InlineData(0x0A000001u, 0xF0000001u)]
    [InlineData(0u, 0x0A000001u)]
    [InlineData(0x7F000001u, 0x0A000001u)]
    [InlineData(0xE0000001u, 0x0A000001u)]
    [InlineData(0xFFFFFFFFu, 0x0A000001u)]
    public void Addresses_that_are_no_single_host_get_no_answer(uint source, uint destination)
    {
        byte[] packet = new TestPacket { Source = source, Destination = destination }.Build();
        Assert.Empty(Error(packet, IcmpErrorKind.Prohibited));
        Assert.Empty(Reset(packet));
    }

    [Theory]
    [InlineData(0xFF, 8)]
    [InlineData(0xFF, 24)]
    [InlineData(0, 8)]
    public void Nor_do_those_of_IPv6(byte first, int at)
    {
        byte[] packet = new TestPacket { IsV6 = true }.Build();
        packet.AsSpan(at, 16).Clear();
        packet[at] = first;
        packet[at + 15] = 1;
        Assert.Empty(Error(packet, IcmpErrorKind.TooBig));
        Assert.Empty(Reset(packet));
    }

    [Fact]
    public void Of_ICMP_only_echo_is_answered()
    {
        int[] answered =
        [
            .. Enumerable.Range(0, 256).Where(type => Error(Icmp(type, isV6: false), IcmpErrorKind.TooBig).Length > 0),
        ];
        Assert.Equal([0, 8], answered);
        answered =
        [
            .. Enumerable.Range(0, 256).Where(type => Error(Icmp(type, isV6: true), IcmpErrorKind.TooBig).Length > 0),
        ];
        Assert.Equal([128, 129], answered);

        static byte[] Icmp(int type, bool isV6) =>
            new FilterPacket
            {
                Protocol = FilterPacket.Icmp,
                IcmpType = (byte)type,
                IsV6 = isV6,
            }.Build();
    }

    [Fact]
    public void A_fragment_gets_an_error_only_if_it_is_the_first_and_never_a_reset()
    {
        foreach (bool isV6 in (bool[])[false, true])
        {
            byte[] first = new FilterPacket
            {
                IsV6 = isV6,
                MoreFragments = true,
                Payload = 12,
                TcpFlags = TcpHeader.Syn,
            }.Build();
            byte[] later = new FilterPacket
            {
                IsV6 = isV6,
                FragmentOffset = 16,
                MoreFragments = true,
            }.Build();
            Assert.NotEmpty(Error(first, IcmpErrorKind.TooBig));
            Assert.Empty(Error(later, IcmpErrorKind.TooBig));
            Assert.Empty(Reset(first));
            Assert.Empty(Reset(later));
        }
    }

    private static TestPacket Any(Random random) =>
        new()
        {
            IsUdp = random.Chance(50),
            IsV6 = random.Chance(50),
            Source = 0x0A000000u + (uint)random.Next(1 << 24),
            Destination = 0x0A000000u + (uint)random.Next(1 << 24),
            SourcePort = (ushort)random.Next(65_536),
            DestinationPort = (ushort)random.Next(65_536),
            Sequence = (uint)random.NextInt64(1L << 32),
            Acknowledgment = (uint)random.NextInt64(1L << 32),
            Flags = (byte)random.Next(256),
            Payload = random.Bytes(random.OneOf(0, 1, random.Next(100), random.Next(2000), random.Next(60_000))),
        };

    private static void AssertSameWay(byte[] packet, byte[] reply, bool isV6)
    {
        int at = isV6 ? 8 : 12;
        int size = isV6 ? 16 : 4;
        Assert.True(packet.AsSpan(at, size).SequenceEqual(reply.AsSpan(at + size, size)));
        Assert.True(packet.AsSpan(at + size, size).SequenceEqual(reply.AsSpan(at, size)));
        Assert.Equal(
            isV6 ? reply.Length - 40 : reply.Length,
            BinaryPrimitives.ReadUInt16BigEndian(reply.AsSpan(isV6 ? 4 : 2))
        );
    }

    private static void AssertSum(byte[] reply, bool isV6, byte protocol)
    {
        if (!isV6)
        {
            Assert.Equal(0xFFFF, NaiveChecksum.Sum(reply.AsSpan(..20)));
        }

        byte[] message = reply[(isV6 ? 40 : 20)..];
        byte[] length = [0, 0, (byte)(message.Length >> 8), (byte)message.Length];
        byte[] pseudo =
            isV6 ? [.. reply[8..40], .. length, 0, 0, 0, protocol]
            : protocol == 6 ? [.. reply[12..20], 0, 6, .. length[2..]]
            : [];
        Assert.Equal(0xFFFF, NaiveChecksum.Sum((byte[])[.. pseudo, .. message]));
    }

    private static byte[] Error(byte[] about, IcmpErrorKind kind, int mtu = 0)
    {
        byte[] error = new byte[IcmpError.MaxLength];
        fixed (
            byte* packet = about,
                to = error
        )
        {
            return error[..IcmpError.Write(to, PacketView.Parse(packet, about.Length), kind, mtu)];
        }
    }

    private static byte[] Reset(byte[] about)
    {
        byte[] reset = new byte[TcpReset.MaxLength];
        fixed (
            byte* packet = about,
                to = reset
        )
        {
            return reset[..TcpReset.Write(to, PacketView.Parse(packet, about.Length))];
        }
    }
}
