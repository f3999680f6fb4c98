// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Net;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Netns.WireGuard;

/// <summary>Pings as packets, IPv4 and IPv6: requests made, replies made of requests.</summary>
internal static class Echo
{
    private const int HeaderV4 = 20;
    private const int HeaderV6 = 40;
    private const byte Icmp = 1;
    private const byte Icmpv6 = 58;

    /// <summary>Makes a request with a number in it.</summary>
    public static byte[] Request(string from, string to, ushort number, int dataLength = 56)
    {
        var isV6 = IPAddress.Parse(to).GetAddressBytes().Length == 16;
        var message = new byte[8 + dataLength];
        message[0] = (byte)(isV6 ? 128 : 8);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(6), number);
        return isV6 ? MakeV6(from, to, message) : MakeV4(from, to, message);
    }

    /// <summary>Makes the reply to a request; null if it is none.</summary>
    public static byte[]? ReplyTo(byte[] packet)
    {
        var isV6 = packet[0] >> 4 == 6;
        var message = packet[(isV6 ? HeaderV6 : HeaderV4)..];
        if (message.Length < 8 || message[0] != (isV6 ? 128 : 8) || packet[isV6 ? 6 : 9] != (isV6 ? Icmpv6 : Icmp))
        {
            return null;
        }

        message[0] = (byte)(isV6 ? 129 : 0);
        message.AsSpan(2, 2).Clear();
        var (from, to) = isV6
            ? (new IPAddress(packet.AsSpan(24, 16)), new IPAddress(packet.AsSpan(8, 16)))
            : (new IPAddress(packet.AsSpan(16, 4)), new IPAddress(packet.AsSpan(12, 4)));
        return isV6 ? MakeV6($"{from}", $"{to}", message) : MakeV4($"{from}", $"{to}", message);
    }

    /// <summary>The number of a reply; null if it is none.</summary>
    public static ushort? NumberOfReply(byte[] packet)
    {
        var isV6 = packet[0] >> 4 == 6;
        var message = packet.AsSpan(isV6 ? HeaderV6 : HeaderV4);
        return message.Length >= 8 && message[0] == (isV6 ? 129 : 0)
            ? BinaryPrimitives.ReadUInt16BigEndian(message[6..])
            : null;
    }

    private static byte[] MakeV4(string from, string to, byte[] message)
    {
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), InternetChecksum.Of(message));
        return new CraftedPacket(from, to) { Protocol = Icmp, Payload = message }.ToBytes();
    }

    private static byte[] MakeV6(string from, string to, byte[] message)
    {
        byte[] addresses = [.. IPAddress.Parse(from).GetAddressBytes(), .. IPAddress.Parse(to).GetAddressBytes()];
        byte[] pseudoHeader =
        [
            .. addresses,
            0,
            0,
            (byte)(message.Length >> 8),
            (byte)message.Length,
            0,
            0,
            0,
            Icmpv6,
            .. message,
        ];
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), InternetChecksum.Of(pseudoHeader));
        byte[] header = [0x60, 0, 0, 0, (byte)(message.Length >> 8), (byte)message.Length, Icmpv6, 64];
        return [.. header, .. addresses, .. message];
    }
}
