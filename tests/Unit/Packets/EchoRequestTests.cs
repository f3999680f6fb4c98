// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Filter;
using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Packets;

public sealed unsafe class EchoRequestTests
{
    [Fact]
    public void It_is_an_echo_request_with_right_checksums_that_every_filter_lets_pass()
    {
        var packet = new byte[EchoRequest.Length];
        using var filter = new PortFilter(PortSet.Create([new PortRange(22)]));
        fixed (byte* start = packet)
        {
            EchoRequest.Write(start, source: 0x0A00_0001, destination: 0x0A00_0002, number: 0x0102_0304_0506_0708);
            Assert.Equal(DropReason.None, filter.Check(Direction.In, PacketView.Parse(start, packet.Length), 1));
        }

        Assert.Equal([0x45, 0, 0, 36, 0, 0, 0, 0, 64, 1], packet[..10]);
        Assert.Equal([10, 0, 0, 1, 10, 0, 0, 2, 8, 0], packet[12..22]);
        Assert.Equal(0xFFFF, NaiveChecksum.Sum(packet.AsSpan(..20)));
        Assert.Equal(0xFFFF, NaiveChecksum.Sum(packet.AsSpan(20..)));
    }

    [Fact]
    public void A_long_one_is_as_long_as_it_shall_be_in_both_versions() => Randomised.Check(500, random =>
        {
            bool isV6 = random.Next(2) == 0;
            int shortest = isV6 ? EchoRequest.LengthV6 : EchoRequest.Length;
            byte[] packet = random.Bytes(shortest + random.Next(2000));
            byte[] addresses = random.Bytes(isV6 ? 32 : 8);
            ulong number = (ulong)random.NextInt64();
            using var filter = new PortFilter(PortSet.Create([new PortRange(22)]), versions: IpVersions.Both);
            fixed (byte* start = packet)
            {
                EchoRequest.Write(start, packet.Length, addresses, number);
                var view = PacketView.Parse(start, packet.Length);
                Assert.Equal(DropReason.None, filter.Check(Direction.Out, view, 1));
                Assert.Equal(isV6, view.IsV6);
                Assert.Equal(isV6 ? 128 : 8, *view.Transport);
                Assert.Equal(addresses, packet[(isV6 ? 8 : 12)..(isV6 ? 40 : 20)]);
                ulong sum = Checksum.Sum(view.Transport, view.TransportLength);
                sum += isV6 ? Checksum.PseudoHeader(start, Ipv6Header.Icmp, view.TransportLength) : 0;
                Assert.Equal(0xFFFF, Checksum.Fold(sum));
                Assert.False(EchoRequest.TryReadAnswer(view, out _));

                *view.Transport = isV6 ? (byte)129 : (byte)0;
                Assert.True(EchoRequest.TryReadAnswer(view, out ulong answered));
                Assert.Equal(number, answered);

                // Of a ping of this host.
                view.Transport[5] = 1;
                Assert.False(EchoRequest.TryReadAnswer(view, out _));
            }
        });

    [Fact]
    public void Only_the_reply_with_the_number_is_an_answer()
    {
        var packet = new byte[EchoRequest.Length];
        fixed (byte* start = packet)
        {
            EchoRequest.Write(start, 1, 2, number: 77);
            Assert.False(EchoRequest.IsAnswered(start, packet.Length, 77));

            start[Ipv4Header.MinLength] = 0;
            Assert.True(EchoRequest.IsAnswered(start, packet.Length, 77));
            Assert.False(EchoRequest.IsAnswered(start, packet.Length, 78));
            Assert.False(EchoRequest.IsAnswered(start, packet.Length - 1, 77));
            start[Ipv4Header.Protocol] = Ipv4Header.Udp;
            Assert.False(EchoRequest.IsAnswered(start, packet.Length, 77));
        }
    }
}
