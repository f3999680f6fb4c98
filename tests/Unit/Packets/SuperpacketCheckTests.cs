// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Packets;

/// <summary>What the segmenter refuses.</summary>
public sealed class SuperpacketCheckTests
{
    [Theory]
    [InlineData("empty", (int)DropReason.NotIpv4)]
    [InlineData("version 5", (int)DropReason.NotIpv4)]
    [InlineData("version 6", (int)DropReason.Malformed)]
    [InlineData("19 bytes", (int)DropReason.Malformed)]
    [InlineData("ihl 4", (int)DropReason.Malformed)]
    [InlineData("ihl beyond the end", (int)DropReason.Malformed)]
    [InlineData("total length one less", (int)DropReason.Malformed)]
    [InlineData("total length one more", (int)DropReason.Malformed)]
    [InlineData("more fragments", (int)DropReason.Malformed)]
    [InlineData("fragment offset", (int)DropReason.Malformed)]
    [InlineData("gso size 0", (int)DropReason.Malformed)]
    [InlineData("gso type none", (int)DropReason.Malformed)]
    [InlineData("gso type tcpv6", (int)DropReason.Malformed)]
    [InlineData("gso type ufo", (int)DropReason.Malformed)]
    [InlineData("udp with ecn", (int)DropReason.Malformed)]
    [InlineData("tcp type on udp", (int)DropReason.Malformed)]
    [InlineData("udp type on tcp", (int)DropReason.Malformed)]
    [InlineData("data offset 4", (int)DropReason.Malformed)]
    [InlineData("data offset beyond the end", (int)DropReason.Malformed)]
    [InlineData("tcp header cut off", (int)DropReason.Malformed)]
    [InlineData("udp header cut off", (int)DropReason.Malformed)]
    [InlineData("udp length", (int)DropReason.Malformed)]
    [InlineData("checksum start", (int)DropReason.Malformed)]
    [InlineData("checksum offset", (int)DropReason.Malformed)]
    public void A_contradiction_is_dropped(string what, int expected)
    {
        var tcpSpec = new TestPacket { Payload = new byte[30] };
        TestPacket udpSpec = tcpSpec with { IsUdp = true };
        byte[] packet = tcpSpec.BuildSuperpacket();
        byte[] udp = udpSpec.BuildSuperpacket();
        VirtioNetHeader header = tcpSpec.VirtioHeader(10);
        VirtioNetHeader udpHeader = udpSpec.VirtioHeader(10);
        Assert.Equal(DropReason.None, SegmenterTests.Plan(packet, header, 1300));
        Assert.Equal(DropReason.None, SegmenterTests.Plan(udp, udpHeader, 1300));
        switch (what)
        {
            case "empty":
                packet = [];
                break;
            case "version 5":
                packet[0] = 0x55;
                break;
            case "version 6":
                packet[0] = 0x65;
                break;
            case "19 bytes":
                packet = WithLength(packet[..19]);
                break;
            case "ihl 4":
                packet[0] = 0x44;
                break;
            case "ihl beyond the end":
                packet = WithLength([0x4F, .. packet[1..50]]);
                break;
            case "total length one less":
                packet[3]--;
                break;
            case "total length one more":
                packet[3]++;
                break;
            case "more fragments":
                packet[6] |= 0x20;
                break;
            case "fragment offset":
                packet[7] = 1;
                break;
            case "gso size 0":
                header = header with { GsoSize = 0 };
                break;
            case "gso type none":
                header = header with { GsoType = VirtioNetHeader.None };
                break;
            case "gso type tcpv6":
                header = header with { GsoType = 4 };
                break;
            case "gso type ufo":
                header = header with { GsoType = 3 };
                break;
            case "udp with ecn":
                (packet, header) = (udp, udpHeader with { GsoType = VirtioNetHeader.UdpL4 | VirtioNetHeader.Ecn });
                break;
            case "tcp type on udp":
                packet = udp;
                break;
            case "udp type on tcp":
                header = udpHeader;
                break;
            case "data offset 4":
                packet[32] = 0x40;
                break;
            case "data offset beyond the end":
                packet[32] = 0xF0;
                packet = WithLength(packet[..60]);
                break;
            case "tcp header cut off":
                packet = WithLength(packet[..39]);
                break;
            case "udp header cut off":
                (packet, header) = (WithLength(udp[..27]), udpHeader);
                break;
            case "udp length":
                udp[25]--;
                (packet, header) = (udp, udpHeader);
                break;
            case "checksum start":
                header = header with { ChecksumStart = 24 };
                break;
            case "checksum offset":
                header = header with { ChecksumOffset = 6 };
                break;
            default:
                Assert.Fail(what);
                break;
        }

        Assert.Equal((DropReason)expected, SegmenterTests.Plan(packet, header, 1300));
    }

    private static byte[] WithLength(byte[] packet)
    {
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), (ushort)packet.Length);
        return packet;
    }
}
