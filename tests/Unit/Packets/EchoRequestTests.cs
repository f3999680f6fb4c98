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
            EchoRequest.Write(start, source: 0x0A00_0001, destination: 0x0A00_0002);
            Assert.Equal(DropReason.None, filter.Check(Direction.In, PacketView.Parse(start, packet.Length), 1));
        }

        Assert.Equal([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1], packet[..10]);
        Assert.Equal([10, 0, 0, 1, 10, 0, 0, 2, 8, 0], packet[12..22]);
        Assert.Equal(0xFFFF, NaiveChecksum.Sum(packet.AsSpan(..20)));
        Assert.Equal(0xFFFF, NaiveChecksum.Sum(packet.AsSpan(20..)));
    }
}
