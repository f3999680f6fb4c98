// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Net;

namespace UdpTunnel.Tests.Harness.Traffic;

/// <summary>An IPv4 packet as a test wants it: right by default, wrong where it is asked for.</summary>
internal sealed record CraftedPacket(string Source, string Destination)
{
    private const byte Udp = 17;

    private const ushort MoreFragments = 0x2000;

    /// <summary>IP protocol.</summary>
    public byte Protocol { get; init; } = Udp;

    /// <summary>IP options, a multiple of 4 bytes.</summary>
    public byte[] Options { get; init; } = [];

    /// <summary>Where the payload stands in the whole packet, in bytes, a multiple of 8.</summary>
    public int FragmentOffset { get; init; }

    /// <summary>Whether fragments follow.</summary>
    public bool HasMoreFragments { get; init; }

    /// <summary>Tells the fragments of one packet from those of others.</summary>
    public ushort Identification { get; init; }

    /// <summary>What stands behind the IP header.</summary>
    public byte[] Payload { get; init; } = [];

    /// <summary>An ICMP echo request with its checksum.</summary>
    public static byte[] EchoRequest(ushort identifier)
    {
        byte[] message = [8, 0, 0, 0, (byte)(identifier >> 8), (byte)identifier, 0, 1];
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), InternetChecksum.Of(message));
        return message;
    }

    /// <summary>A UDP header, without a checksum as RFC 768 allows, and data.</summary>
    public static byte[] UdpPayload(int sourcePort, int destinationPort, ReadOnlySpan<byte> data)
    {
        var payload = new byte[8 + data.Length];
        BinaryPrimitives.WriteUInt16BigEndian(payload, (ushort)sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(2), (ushort)destinationPort);
        BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(4), (ushort)payload.Length);
        data.CopyTo(payload.AsSpan(8));
        return payload;
    }

    /// <summary>The bytes.</summary>
    public byte[] ToBytes()
    {
        var headerLength = 20 + Options.Length;
        var packet = new byte[headerLength + Payload.Length];
        packet[0] = (byte)(0x40 | (headerLength / 4));
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), Identification);
        BinaryPrimitives.WriteUInt16BigEndian(
            packet.AsSpan(6),
            (ushort)((FragmentOffset / 8) | (HasMoreFragments ? MoreFragments : 0))
        );
        packet[8] = 64;
        packet[9] = Protocol;
        IPAddress.Parse(Source).TryWriteBytes(packet.AsSpan(12), out _);
        IPAddress.Parse(Destination).TryWriteBytes(packet.AsSpan(16), out _);
        Options.CopyTo(packet, 20);
        Payload.CopyTo(packet, headerLength);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), InternetChecksum.Of(packet.AsSpan(0, headerLength)));
        return packet;
    }
}
