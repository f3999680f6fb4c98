// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using UdpTunnel.Filter;

namespace UdpTunnel.Tests.Filter;

/// <summary>A packet as the filter sees it; the filter looks at no checksum, so there are none.</summary>
internal sealed record FilterPacket
{
    public const byte Icmp = 1,
        Tcp = 6,
        Udp = 17;

    public byte Protocol { get; init; } = Tcp;

    /// <summary>
    /// IPv6: addresses are 2001:db8:: with the last 32 bits of <see cref="Source"/> and <see cref="Destination"/>.
    /// </summary>
    public bool IsV6 { get; init; }

    /// <summary>Numbers of extension headers of 8 bytes each, in front of the fragment header.</summary>
    public byte[] Extensions { get; init; } = [];

    public uint Source { get; init; } = 0x0A000001;

    public uint Destination { get; init; } = 0x0A000002;

    public ushort SourcePort { get; init; } = 40_000;

    public ushort DestinationPort { get; init; } = 22;

    /// <summary>Of TCP: FIN 1, SYN 2, RST 4, ACK 16.</summary>
    public byte TcpFlags { get; init; }

    public byte IcmpType { get; init; } = 8;

    public ushort Id { get; init; } = 7;

    /// <summary>In bytes, a multiple of 8.</summary>
    public int FragmentOffset { get; init; }

    public bool MoreFragments { get; init; }

    public int IpOptions { get; init; }

    /// <summary>Bytes behind the transport header; all bytes behind the IPv4 header for a later fragment.</summary>
    public int Payload { get; init; } = 8;

    public FilterPacket Reply =>
        this with
        {
            Source = Destination,
            Destination = Source,
            SourcePort = DestinationPort,
            DestinationPort = SourcePort,
        };

    public byte[] Build()
    {
        bool isFragment = MoreFragments || FragmentOffset > 0;
        int header = IsV6 ? 40 + (8 * (Extensions.Length + (isFragment ? 1 : 0))) : 20 + IpOptions;
        int transportHeader =
            FragmentOffset > 0 ? 0
            : Protocol == Tcp ? 20
            : 8;
        byte[] packet = new byte[header + transportHeader + Payload];
        if (IsV6)
        {
            byte[] chain = [.. Extensions, .. isFragment ? (byte[])[44] : [], Protocol == Icmp ? (byte)58 : Protocol];
            packet[0] = 0x60;
            Put16(4, packet.Length - 40);
            packet[6] = chain[0];
            new byte[] { 0x20, 1, 0x0D, 0xB8 }.CopyTo(packet, 8);
            BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(20), Source);
            new byte[] { 0x20, 1, 0x0D, 0xB8 }.CopyTo(packet, 24);
            BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(36), Destination);
            for (int i = 1; i < chain.Length; i++)
            {
                packet[32 + (8 * i)] = chain[i];
            }

            if (isFragment)
            {
                Put16(header - 6, FragmentOffset | (MoreFragments ? 1 : 0));
                Put16(header - 2, Id);
            }
        }
        else
        {
            packet[0] = (byte)(0x40 | (header / 4));
            packet[8] = 64;
            packet[9] = Protocol;
            Put16(2, packet.Length);
            Put16(4, Id);
            Put16(6, (FragmentOffset / 8) | (MoreFragments ? 0x2000 : 0));
            BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(12), Source);
            BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(16), Destination);
        }

        if (FragmentOffset == 0 && Protocol == Icmp)
        {
            packet[header] = IcmpType;
        }
        else if (FragmentOffset == 0)
        {
            Put16(header, SourcePort);
            Put16(header + 2, DestinationPort);
            if (Protocol == Tcp)
            {
                packet[header + 12] = 0x50;
                packet[header + 13] = TcpFlags;
            }
            else
            {
                Put16(header + 4, MoreFragments ? 9000 : 8 + Payload);
            }
        }

        return packet;

        void Put16(int at, int value) => BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(at), (ushort)value);
    }

    /// <summary>The flow that the packet belongs to, in its own direction.</summary>
    public Flow Flow => new(Protocol, Source, Destination, SourcePort, DestinationPort);
}
