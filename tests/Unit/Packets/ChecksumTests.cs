// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Packets;

public sealed unsafe class ChecksumTests
{
    [Fact]
    public void The_example_of_rfc_1071_sums_to_ddf2()
    {
        byte[] bytes = [0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7];
        Assert.Equal(0xDDF2, HostOrder(Fold(bytes)));
        Assert.Equal(0x220D, HostOrder((ushort)~Fold(bytes)));
    }

    [Fact]
    public void A_known_ipv4_header_has_the_checksum_b861()
    {
        byte[] header = Convert.FromHexString("45000073000040004011B861C0A80001C0A800C7");
        fixed (byte* start = header)
        {
            Assert.True(Checksum.VerifyIpv4Header(start, 20));
            header[10] = header[11] = 0;
            Assert.Equal(0xB861, HostOrder(Checksum.Finish(Checksum.SumMinimalIpv4Header(start))));
            Assert.Equal(0xB861, HostOrder(Checksum.Finish(Checksum.Sum(start, 20))));
            Assert.False(Checksum.VerifyIpv4Header(start, 20));
        }
    }

    [Fact]
    public void Every_length_up_to_4096_at_odd_and_even_addresses_sums_as_the_naive_code_does()
    {
        using var memory = new GuardedMemory(2 * 4096);
        new Random(1071).NextBytes(new Span<byte>(memory.Start, memory.Length));
        for (int length = 0; length <= 4096; length++)
        {
            // The end touches the forbidden page, so the address takes every alignment.
            CheckAll(memory.Start + memory.Length - length, length);
            CheckAll(memory.Start + (length % 3), length);
        }
    }

    [Fact]
    public void Large_buffers_of_the_largest_bytes_do_not_overflow()
    {
        byte[] bytes = new byte[1 << 20];
        Array.Fill(bytes, (byte)0xFF);
        fixed (byte* start = bytes)
        {
            CheckAll(start, bytes.Length);
            CheckAll(start, 65_535);
        }
    }

    [Fact]
    public void Carries_of_sparse_and_dense_words_are_kept() => Randomised.Check(300, random =>
        {
            byte[] bytes = new byte[random.Next(70_000)];
            for (int i = 0; i < bytes.Length; i++)
            {
                bytes[i] = random.OneOf<byte>(0, 0xFF, 0xFF, (byte)random.Next(256));
            }

            fixed (byte* start = bytes)
            {
                CheckAll(start, bytes.Length);
            }
        });

    [Fact]
    public void Sums_of_even_pieces_add_up_to_the_sum_of_the_whole() => Randomised.Check(300, random =>
        {
            byte[] bytes = random.Bytes(random.Next(3000));
            int cut = random.Next(bytes.Length + 1) & ~1;
            fixed (byte* start = bytes)
            {
                ulong sum = Checksum.Sum(start, cut) + Checksum.Sum(start + cut, bytes.Length - cut);
                Assert.Equal(NaiveChecksum.Sum(bytes), HostOrder(Checksum.Fold(sum)));
            }
        });

    [Theory]
    [InlineData(0UL, 0)]
    [InlineData(0xFFFFUL, 0xFFFF)]
    [InlineData(0x1_0000UL, 1)]
    [InlineData(0x1_FFFFUL, 1)]
    [InlineData(0xFFFF_FFFFUL, 0xFFFF)]
    [InlineData(0x1_FFFF_FFFFUL, 1)]
    [InlineData(0xFFFF_FFFF_FFFF_FFFEUL, 0xFFFE)]
    [InlineData(0x1_FFFF_FFFEUL, 0xFFFF)]
    [InlineData(ulong.MaxValue, 0xFFFF)]
    [InlineData(0xFFFF_FFFF_FFFF_0001UL, 1)]
    public void Folding_adds_every_carry(ulong sum, int folded) => Assert.Equal(folded, Checksum.Fold(sum));

    [Fact]
    public void A_right_checksum_verifies_and_any_single_flipped_bit_does_not() => Randomised.Check(500, random =>
        {
            TestPacket spec = TestPacket.Any(random, 1500);
            byte[] packet = spec.Build();
            (int ip, byte protocol) = TestPacket.Layout(packet);
            fixed (byte* start = packet)
            {
                Assert.True(spec.IsV6 || Checksum.VerifyIpv4Header(start, ip));
                Assert.True(Checksum.VerifyTransport(start, protocol, ip, packet.Length));

                int bit = random.Next(8 * (packet.Length - ip));
                packet[ip + (bit / 8)] ^= (byte)(1 << (bit % 8));
                Assert.False(Checksum.VerifyTransport(start, protocol, ip, packet.Length));

                bit = random.Next(8 * ip);
                packet[bit / 8] ^= (byte)(1 << (bit % 8));
                Assert.True(spec.IsV6 || !Checksum.VerifyIpv4Header(start, ip));
            }
        });

    [Fact]
    public void A_udp_packet_without_a_checksum_does_not_verify()
    {
        // Source address and ports are chosen so that the sum is right with a checksum field of 0.
        byte[] packet = ZeroChecksumUdp();
        packet[26] = packet[27] = 0;
        fixed (byte* start = packet)
        {
            Assert.False(Checksum.VerifyTransport(start, packet[9], 20, packet.Length));
            packet[26] = packet[27] = 0xFF;
            Assert.True(Checksum.VerifyTransport(start, packet[9], 20, packet.Length));
        }
    }

    [Fact]
    public void Completing_a_checksum_gives_what_the_naive_code_gives() => Randomised.Check(500, random =>
        {
            TestPacket spec = TestPacket.Any(random, 3000);
            byte[] packet = spec.BuildSuperpacket();
            VirtioNetHeader header = spec.VirtioHeader(1);
            fixed (byte* start = packet)
            {
                Assert.True(Checksum.Complete(start, packet.Length, header.ChecksumStart, header.ChecksumOffset));
            }

            Assert.Equal(spec.Build(), packet);
        });

    [Fact]
    public void A_completed_udp_checksum_of_0_is_sent_as_ffff()
    {
        byte[] packet = ZeroChecksumUdp();
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(26), NaiveChecksum.SumOfPseudoHeader(packet));
        fixed (byte* start = packet)
        {
            Assert.True(Checksum.Complete(start, packet.Length, 20, 6));
        }

        Assert.Equal(0xFFFF, BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(26)));
    }

    [Theory]
    [InlineData(40, 20, 19)]
    [InlineData(40, 39, 0)]
    [InlineData(40, 40, 0)]
    [InlineData(40, 65_535, 65_535)]
    [InlineData(40, -1, 6)]
    [InlineData(40, 20, -1)]
    [InlineData(0, 0, 0)]
    public void A_checksum_field_outside_of_the_packet_is_refused(int length, int start, int offset)
    {
        using var memory = new GuardedMemory(1);
        byte[] before = new Random(3).Bytes(length);
        byte* packet = memory.PlaceAtEnd(before);
        Assert.False(Checksum.Complete(packet, length, start, offset));
        Assert.Equal(before, new Span<byte>(packet, length).ToArray());
    }

    [Fact]
    public void The_last_possible_field_is_completed()
    {
        byte[] packet = new byte[40];
        fixed (byte* start = packet)
        {
            Assert.True(Checksum.Complete(start, 40, 20, 18));
        }

        Assert.Equal([0xFF, 0xFF], packet[38..]);
    }

    /// <summary>A UDP packet whose computed checksum is 0, written as FFFF.</summary>
    private static byte[] ZeroChecksumUdp()
    {
        var spec = new TestPacket { IsUdp = true, Payload = [0, 0, 1, 2, 3] };
        ushort checksum = NaiveChecksum.OfTransport(spec.Build());
        byte[] packet = (spec with { Payload = [(byte)(checksum >> 8), (byte)checksum, 1, 2, 3] }).Build();
        Assert.Equal([0xFF, 0xFF], packet[26..28]);
        return packet;
    }

    private static ushort HostOrder(ushort memoryOrder) => NetworkOrder.Swap(memoryOrder);

    private static ushort Fold(byte[] bytes)
    {
        fixed (byte* start = bytes)
        {
            return Checksum.Fold(Checksum.Sum(start, bytes.Length));
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void CheckAll(byte* start, int length)
    {
        ushort expected = NaiveChecksum.Sum(new ReadOnlySpan<byte>(start, length));
        Assert.Equal(expected, HostOrder(Checksum.Fold(Checksum.Sum(start, length))));
        Assert.Equal(expected, HostOrder(Checksum.Fold(Checksum.SumVector256(start, length))));
        Assert.Equal(expected, HostOrder(Checksum.Fold(Checksum.SumVector128(start, length))));
        Assert.Equal(expected, HostOrder(Checksum.Fold(Checksum.SumScalar(start, length))));
    }
}
