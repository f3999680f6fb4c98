// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Text.Json;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output;

/// <summary>Captured packets as lines and as JSON.</summary>
internal static class PacketText
{
    private const int Ipv4HeaderLength = 20;
    private const int Ipv6HeaderLength = 40;

    /// <summary>"12:00:00.123456 out filter dropped port: tcp 10.0.0.1:40000 > 10.0.0.2:80, 60 bytes".</summary>
    public static string Line(CapturedPacket packet, TimeProvider time)
    {
        var moment = TimeZoneInfo.ConvertTime(packet.Time.ToDateTimeOffset(), time.LocalTimeZone);
        var fate =
            packet.DropReason == DropReason.Unspecified
                ? "passed"
                : $"dropped {Words.Of(packet.DropReason) ?? "unknown"}";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{moment:HH:mm:ss.ffffff} {$"{Words.Of(packet.Direction)}".PadRight(3)} {Words.Of(packet.Stage)} {fate}: {Describe(packet)}, {packet.Length} bytes"
        );
    }

    /// <summary>The members of one packet, into an object that is open.</summary>
    public static void WriteMembers(Utf8JsonWriter writer, CapturedPacket packet)
    {
        writer.WriteTime("time", TimeText.Of(packet.Time));
        writer.WriteString("direction", Words.Of(packet.Direction));
        writer.WriteString("stage", Words.Of(packet.Stage));
        writer.WriteString("dropReason", Words.Of(packet.DropReason));
        writer.WriteText("peer", packet.Peer);
        writer.WriteNumber("length", packet.Length);
        writer.WriteBase64String("data", packet.Data.Span);
    }

    private static string Describe(CapturedPacket packet)
    {
        var bytes = packet.Data.Span;
        if (PcapNg.IsDatagram(packet))
        {
            return packet.Peer.Length > 0 ? $"datagram of {packet.Peer}" : "datagram";
        }

        if (bytes.Length >= Ipv4HeaderLength && bytes[0] >> 4 == 4)
        {
            var later = (BinaryPrimitives.ReadUInt16BigEndian(bytes[6..]) & 0x1FFF) != 0;
            return Describe(
                bytes[9],
                later,
                bytes.Slice(12, 4),
                bytes.Slice(16, 4),
                bytes[Math.Min(bytes.Length, (bytes[0] & 15) * 4)..]
            );
        }

        return bytes.Length >= Ipv6HeaderLength && bytes[0] >> 4 == 6
            ? Describe(bytes[6], later: false, bytes.Slice(8, 16), bytes.Slice(24, 16), bytes[Ipv6HeaderLength..])
            : "no IP packet";
    }

    private static string Describe(
        byte protocol,
        bool later,
        ReadOnlySpan<byte> source,
        ReadOnlySpan<byte> destination,
        ReadOnlySpan<byte> transport
    )
    {
        var (from, to) = (new IPAddress(source), new IPAddress(destination));
        var name = protocol switch
        {
            1 => "icmp",
            6 => "tcp",
            17 => "udp",
            44 => "fragment",
            58 => "icmpv6",
            _ => string.Create(CultureInfo.InvariantCulture, $"protocol {protocol}"),
        };
        if (later)
        {
            return $"{name} fragment {from} > {to}";
        }

        return protocol is 6 or 17 && transport.Length >= 4
            ? $"{name} {new IPEndPoint(from, BinaryPrimitives.ReadUInt16BigEndian(transport))} > "
                + $"{new IPEndPoint(to, BinaryPrimitives.ReadUInt16BigEndian(transport[2..]))}"
            : $"{name} {from} > {to}";
    }
}
