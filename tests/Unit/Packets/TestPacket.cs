// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Packets;

/// <summary>A TCP or UDP packet to be written out byte by byte from RFC 791, 8200, 768 and 9293.</summary>
internal sealed record TestPacket
{
    public const byte Fin = 1,
        Syn = 2,
        Rst = 4,
        Psh = 8,
        Ack = 16,
        Urg = 32,
        Ece = 64,
        Cwr = 128;

    public bool IsUdp { get; init; }

    /// <summary>
    /// IPv6: the addresses end with <see cref="Source"/> and <see cref="Destination"/>; there is no id and there are no
    /// IP options.
    /// </summary>
    public bool IsV6 { get; init; }

    /// <summary>First 12 bytes of both IPv6 addresses.</summary>
    public byte[] Network { get; init; } = [0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0];

    /// <summary>IPv6: 20 bits.</summary>
    public int FlowLabel { get; init; }

    /// <summary>IPv6: length of a header with options for the destination, a multiple of 8; 0 for none.</summary>
    public int Extension { get; init; }

    public uint Source { get; init; } = 0x0A000001;

    public uint Destination { get; init; } = 0x0A000002;

    public ushort SourcePort { get; init; } = 40_000;

    public ushort DestinationPort { get; init; } = 22;

    public byte Tos { get; init; }

    public byte Ttl { get; init; } = 64;

    public ushort Id { get; init; } = 7;

    public bool DontFragment { get; init; } = true;

    public byte[] IpOptions { get; init; } = [];

    public uint Sequence { get; init; } = 1000;

    public uint Acknowledgment { get; init; } = 2000;

    public byte Flags { get; init; } = Ack;

    public ushort Window { get; init; } = 500;

    public ushort Urgent { get; init; }

    public byte[] TcpOptions { get; init; } = [];

    public byte[] Payload { get; init; } = [];

    public int IpHeaderLength => IsV6 ? 40 + Extension : 20 + IpOptions.Length;

    public int HeaderLength => IpHeaderLength + (IsUdp ? 8 : 20 + TcpOptions.Length);

    /// <summary>The packet with right checksums.</summary>
    public byte[] Build()
    {
        byte[] packet = new byte[HeaderLength + Payload.Length];
        int ip = IpHeaderLength;
        if (IsV6)
        {
            BuildV6(packet);
        }
        else
        {
            packet[0] = (byte)(0x40 | (ip / 4));
            packet[1] = Tos;
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), Id);
            packet[6] = (byte)(DontFragment ? 0x40 : 0);
            packet[8] = Ttl;
            packet[9] = (byte)(IsUdp ? 17 : 6);
            BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(12), Source);
            BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(16), Destination);
            IpOptions.CopyTo(packet, 20);
        }

        Span<byte> transport = packet.AsSpan(ip);
        BinaryPrimitives.WriteUInt16BigEndian(transport, SourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(transport[2..], DestinationPort);
        if (IsUdp)
        {
            BinaryPrimitives.WriteUInt16BigEndian(transport[4..], (ushort)transport.Length);
        }
        else
        {
            BinaryPrimitives.WriteUInt32BigEndian(transport[4..], Sequence);
            BinaryPrimitives.WriteUInt32BigEndian(transport[8..], Acknowledgment);
            transport[12] = (byte)((20 + TcpOptions.Length) / 4 << 4);
            transport[13] = Flags;
            BinaryPrimitives.WriteUInt16BigEndian(transport[14..], Window);
            BinaryPrimitives.WriteUInt16BigEndian(transport[18..], Urgent);
            TcpOptions.CopyTo(transport[20..]);
        }

        Payload.CopyTo(packet, HeaderLength);
        FixChecksums(packet);
        return packet;
    }

    /// <summary>
    /// As the kernel hands over a superpacket: the checksum field holds the sum of the pseudo-header.
    /// </summary>
    public byte[] BuildSuperpacket()
    {
        byte[] packet = Build();
        BinaryPrimitives.WriteUInt16BigEndian(
            packet.AsSpan(IpHeaderLength + (IsUdp ? 6 : 16)),
            NaiveChecksum.SumOfPseudoHeader(packet)
        );
        return packet;
    }

    /// <summary>The virtio header that belongs to <see cref="BuildSuperpacket"/>.</summary>
    public VirtioNetHeader VirtioHeader(int gsoSize) =>
        new()
        {
            Flags = VirtioNetHeader.NeedsChecksum,
            GsoType =
                IsUdp ? VirtioNetHeader.UdpL4
                : IsV6 ? VirtioNetHeader.TcpV6
                : VirtioNetHeader.TcpV4,
            HeaderLength = (ushort)HeaderLength,
            GsoSize = (ushort)gsoSize,
            ChecksumStart = (ushort)IpHeaderLength,
            ChecksumOffset = (ushort)(IsUdp ? 6 : 16),
        };

    /// <summary>Writes both checksums anew.</summary>
    public static void FixChecksums(byte[] packet)
    {
        (int ip, byte protocol) = Layout(packet);
        if (packet[0] >> 4 == 4)
        {
            packet[10] = packet[11] = 0;
            BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), NaiveChecksum.Of(packet.AsSpan(0, ip)));
        }

        BinaryPrimitives.WriteUInt16BigEndian(
            packet.AsSpan(ip + (protocol == 6 ? 16 : 6)),
            NaiveChecksum.OfTransport(packet)
        );
    }

    /// <summary>
    /// Length of the IP header with all that belongs to it, and the protocol behind it, of a packet that is in order.
    /// </summary>
    public static (int IpHeaderLength, byte Protocol) Layout(ReadOnlySpan<byte> packet)
    {
        if (packet[0] >> 4 != 6)
        {
            return ((packet[0] & 15) * 4, packet[9]);
        }

        byte next = packet[6];
        int at = 40;
        while (next is 0 or 43 or 44 or 60)
        {
            (next, at) = (packet[at], at + (next == 44 ? 8 : 8 * (packet[at + 1] + 1)));
        }

        return (at, next);
    }

    /// <summary>Any packet: every flag, with and without options, of any size up to a superpacket's.</summary>
    public static TestPacket Any(Random random, int maxPayload)
    {
        bool udp = random.Chance(40);
        return new TestPacket
        {
            IsUdp = udp,
            IsV6 = random.Chance(50),
            Network = random.Bytes(12),
            FlowLabel = random.Next(1 << 20),
            Extension = random.Chance(20) ? 8 * random.Next(3) : 0,
            Source = (uint)random.NextInt64(1L << 32),
            Destination = (uint)random.NextInt64(1L << 32),
            SourcePort = (ushort)random.Next(65_536),
            DestinationPort = (ushort)random.Next(65_536),
            Tos = (byte)random.Next(256),
            Ttl = (byte)random.Next(256),
            Id = (ushort)random.Next(65_536),
            DontFragment = random.Chance(50),
            IpOptions = random.Chance(30) ? random.Bytes(4 * random.Next(11)) : [],
            Sequence = random.Chance(20) ? uint.MaxValue - (uint)random.Next(50_000) : (uint)random.NextInt64(1L << 32),
            Acknowledgment = (uint)random.NextInt64(1L << 32),
            Flags = (byte)random.Next(256),
            Window = (ushort)random.Next(65_536),
            Urgent = (ushort)random.Next(65_536),
            TcpOptions = random.Chance(50) ? random.Bytes(4 * random.Next(11)) : [],
            Payload = random.Bytes(random.Next(maxPayload + 1)),
        };
    }

    private void BuildV6(byte[] packet)
    {
        byte protocol = (byte)(IsUdp ? 17 : 6);
        BinaryPrimitives.WriteUInt32BigEndian(packet, (6u << 28) | ((uint)Tos << 20) | (uint)FlowLabel);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), (ushort)(packet.Length - 40));
        packet[6] = Extension > 0 ? (byte)60 : protocol;
        packet[7] = Ttl;
        Network.CopyTo(packet, 8);
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(20), Source);
        Network.CopyTo(packet, 24);
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(36), Destination);
        if (Extension > 0)
        {
            // One option that fills it (PadN).
            packet[40] = protocol;
            packet[41] = (byte)((Extension / 8) - 1);
            packet[42] = 1;
            packet[43] = (byte)(Extension - 4);
        }
    }
}
