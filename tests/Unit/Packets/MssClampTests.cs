// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Packets;

public sealed unsafe class MssClampTests
{
    private const byte Syn = 2;
    private const int MssOption = 2;

    [Theory]
    [InlineData(false, 1460, 1236, 1196)]
    [InlineData(true, 1440, 1236, 1176)]
    [InlineData(false, 1196, 1236, 1196)]
    [InlineData(false, 536, 1236, 536)]
    public void A_segment_size_is_lowered_to_what_fits_and_never_raised(bool isV6, int announced, int mtu, int expected)
    {
        byte[] options = [MssOption, 4, (byte)(announced >> 8), (byte)announced, 1, 1, 1, 1];
        byte[] packet = Clamped(
            new TestPacket
            {
                IsV6 = isV6,
                Flags = Syn,
                TcpOptions = options,
            },
            mtu
        );

        int at = (isV6 ? 40 : 20) + 20 + 2;
        Assert.Equal(expected, BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(at)));
        AssertChecksum(packet);
    }

    [Fact]
    public void Wherever_the_option_stands_the_checksum_stays_right() => Randomised.Check(2000, random =>
        {
            int announced = random.Next(65_536);
            int mtu = 576 + random.Next(1500);
            byte[] before = random.OneOf<byte[]>(
                [],
                [1],
                [3, 3, 7],
                [1, 1, 3, 3, 7, 4, 2],
                [8, 10, 1, 2, 3, 4, 5, 6, 7, 8]
            );
            byte[] options = [.. before, MssOption, 4, (byte)(announced >> 8), (byte)announced, 0];
            options = [.. options, .. new byte[(4 - (options.Length % 4)) % 4]];
            var spec = new TestPacket
            {
                IsV6 = random.Next(2) == 0,
                Flags = (byte)(Syn | random.OneOf(0, 16)),
                TcpOptions = options,
                Payload = random.Bytes(random.Next(50)),
            };
            int most = mtu - (spec.IsV6 ? 60 : 40);

            byte[] packet = Clamped(spec, mtu);

            int at = (spec.IsV6 ? 40 : 20) + 20 + before.Length + 2;
            Assert.Equal(Math.Min(announced, most), BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(at)));
            AssertChecksum(packet);
            packet[at] = (byte)(announced >> 8);
            packet[at + 1] = (byte)announced;
            AssertSameButChecksum(spec.Build(), packet);
        });

    [Fact]
    public void Whatever_the_options_are_nothing_beyond_them_is_touched() => Randomised.Check(5000, random =>
        {
            var spec = new TestPacket { Flags = Syn, TcpOptions = random.Bytes(random.Next(11) * 4) };
            byte[] packet = spec.Build();
            using var memory = new GuardedMemory(packet.Length);
            byte* start = memory.PlaceAtEnd(packet);

            MssClamp.Apply(PacketView.Parse(start, packet.Length), 600, hasChecksum: true);

            AssertChecksum(new Span<byte>(start, packet.Length).ToArray());
        });

    [Fact]
    public void Only_a_whole_syn_announces()
    {
        Assert.True(IsAnnouncement(new TestPacket { Flags = Syn }));
        Assert.True(IsAnnouncement(new TestPacket { Flags = Syn | 16 }));
        Assert.False(IsAnnouncement(new TestPacket { Flags = 16 }));
        Assert.False(IsAnnouncement(new TestPacket { IsUdp = true, Payload = new byte[40] }));

        static bool IsAnnouncement(TestPacket spec)
        {
            byte[] packet = spec.Build();
            fixed (byte* start = packet)
            {
                return MssClamp.IsAnnouncement(PacketView.Parse(start, packet.Length));
            }
        }
    }

    private static byte[] Clamped(TestPacket spec, int mtu)
    {
        byte[] packet = spec.Build();
        fixed (byte* start = packet)
        {
            _ = MssClamp.Apply(PacketView.Parse(start, packet.Length), mtu, hasChecksum: true);
        }

        return packet;
    }

    private static void AssertChecksum(byte[] packet)
    {
        fixed (byte* start = packet)
        {
            PacketView view = PacketView.Parse(start, packet.Length);
            Assert.True(Checksum.VerifyTransport(start, view.Protocol, view.TransportOffset, packet.Length));
        }
    }

    private static void AssertSameButChecksum(byte[] expected, byte[] actual)
    {
        int at = (expected[0] >> 4 == 6 ? 40 : 20) + 16;
        expected[at] = actual[at];
        expected[at + 1] = actual[at + 1];
        Assert.Equal(expected, actual);
    }
}
