// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Filter;
using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Filter;

public sealed unsafe class PortFilterV6Tests : IDisposable
{
    private readonly PortFilter _filter = new(PortFilterCalls.Ports(22), versions: IpVersions.Both);

    private readonly FilterPacket _request = new() { IsV6 = true };

    [Fact]
    public void A_flow_over_ipv6_is_remembered_and_answered()
    {
        Assert.Equal(DropReason.NoFlow, _filter.In(_request.Reply));
        Assert.Equal(DropReason.None, _filter.Out(_request));
        Assert.Equal(DropReason.None, _filter.In(_request.Reply));
        Assert.Equal(DropReason.NoFlow, _filter.In(_request.Reply with { IsV6 = false }));
        Assert.Equal(DropReason.NoFlow, _filter.In(_request.Reply with { Source = 0x0A000003 }));
    }

    [Fact]
    public void No_peer_answers_in_the_flow_of_another_one()
    {
        foreach (FilterPacket request in (FilterPacket[])[_request, new FilterPacket()])
        {
            Assert.Equal(DropReason.None, Check(Direction.Out, request, peer: 1));
            Assert.Equal(DropReason.NoFlow, Check(Direction.In, request.Reply, peer: 2));
            Assert.Equal(DropReason.None, Check(Direction.In, request.Reply, peer: 1));

            FilterPacket first = request with { MoreFragments = true, Payload = 0, Protocol = FilterPacket.Udp };
            FilterPacket later = first with { FragmentOffset = 8, MoreFragments = false, Payload = 8 };
            Assert.Equal(DropReason.None, Check(Direction.Out, first, peer: 1));
            Assert.Equal(DropReason.Fragment, Check(Direction.Out, later, peer: 2));
            Assert.Equal(DropReason.None, Check(Direction.Out, later, peer: 1));
        }
    }

    [Fact]
    public void A_tunnel_of_ipv4_drops_all_of_it_for_that_reason()
    {
        using var filter = new PortFilter(PortFilterCalls.Ports(22));
        Assert.Equal(DropReason.NotIpv4, filter.Out(_request));
        Assert.Equal(DropReason.NotIpv4, filter.Out(_request with { Protocol = FilterPacket.Icmp, IcmpType = 135 }));
        Assert.Equal(DropReason.NotIpv4, filter.Out(_request with { MoreFragments = true }));
    }

    [Theory]
    [InlineData(1, (int)DropReason.None)]
    [InlineData(2, (int)DropReason.None)]
    [InlineData(128, (int)DropReason.None)]
    [InlineData(129, (int)DropReason.None)]
    [InlineData(133, (int)DropReason.LinkControl)]
    [InlineData(135, (int)DropReason.LinkControl)]
    [InlineData(143, (int)DropReason.LinkControl)]
    [InlineData(8, (int)DropReason.IcmpType)]
    [InlineData(139, (int)DropReason.IcmpType)]
    public void Icmp_passes_by_its_type(byte type, int verdict) =>
        Assert.Equal((DropReason)verdict, _filter.In(_request with { Protocol = FilterPacket.Icmp, IcmpType = type }));

    [Fact]
    public void A_chain_of_headers_is_walked_so_far_and_no_further()
    {
        Assert.Equal(DropReason.None, _filter.Out(_request with { Extensions = [0, 60, 43, 60, 60, 60, 60, 60] }));
        Assert.Equal(
            DropReason.Malformed,
            _filter.Out(_request with { Extensions = [60, 60, 60, 60, 60, 60, 60, 60, 60] })
        );
        Assert.Equal(DropReason.Malformed, _filter.Out(_request with { Extensions = [60, 0] }));
        Assert.Equal(DropReason.Protocol, _filter.Out(_request with { Protocol = 50 }));

        // An ICMPv4 message in IPv6.
        byte[] packet = (_request with { Protocol = FilterPacket.Icmp, IcmpType = 8 }).Build();
        packet[6] = 1;
        Assert.Equal(DropReason.Protocol, _filter.Check(Direction.Out, packet, 1000));
    }

    [Fact]
    public void A_packet_that_has_further_destinations_does_not_pass_whatever_its_ports()
    {
        byte[] packet = (_request with { Extensions = [43] }).Build();
        Assert.Equal(DropReason.None, _filter.Check(Direction.Out, packet, 1000));
        packet[43] = 1;
        Assert.Equal(DropReason.Malformed, _filter.Check(Direction.Out, packet, 1000));
    }

    public void Dispose() => _filter.Dispose();

    private DropReason Check(Direction direction, FilterPacket packet, ushort peer)
    {
        byte[] bytes = packet.Build();
        fixed (byte* start = bytes)
        {
            return _filter.Check(direction, PacketView.Parse(start, bytes.Length), 1000, peer);
        }
    }
}
