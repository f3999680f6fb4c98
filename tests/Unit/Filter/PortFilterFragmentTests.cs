// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Filter;
using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Filter;

public sealed class PortFilterFragmentTests : IDisposable
{
    private readonly PortFilter _filter = new(PortFilterCalls.Ports(53));
    private readonly FilterPacket _first = new()
    {
        Protocol = FilterPacket.Udp,
        DestinationPort = 53,
        MoreFragments = true,
        Payload = 1272,
    };

    private FilterPacket Middle => _first with { FragmentOffset = 1280, Payload = 1280 };

    private FilterPacket Last => _first with { FragmentOffset = 2560, Payload = 77, MoreFragments = false };

    [Fact]
    public void Fragments_in_order_pass()
    {
        Assert.Equal(DropReason.None, _filter.Out(_first));
        Assert.Equal(DropReason.None, _filter.Out(Middle));
        Assert.Equal(DropReason.None, _filter.Out(Last));
    }

    [Fact]
    public void A_later_fragment_passes_only_after_its_first()
    {
        Assert.Equal(DropReason.Fragment, _filter.Out(Last));
        Assert.Equal(DropReason.None, _filter.Out(_first));
        Assert.Equal(DropReason.None, _filter.Out(Last));
        Assert.Equal(DropReason.None, _filter.Out(Middle));
    }

    [Fact]
    public void A_later_fragment_belongs_to_its_first_by_addresses_protocol_id_and_direction()
    {
        Assert.Equal(DropReason.None, _filter.Out(_first));
        Assert.Equal(DropReason.Fragment, _filter.Out(Last with { Source = 0x0A000009 }));
        Assert.Equal(DropReason.Fragment, _filter.Out(Last with { Destination = 0x0A000009 }));
        Assert.Equal(DropReason.Fragment, _filter.Out(Last with { Protocol = FilterPacket.Tcp }));
        Assert.Equal(DropReason.Fragment, _filter.Out(Last with { Id = 8 }));
        Assert.Equal(DropReason.Fragment, _filter.In(Last));
        Assert.Equal(DropReason.None, _filter.Out(Last));
    }

    [Fact]
    public void A_first_fragment_opens_a_flow_and_its_answers_may_be_fragments_too()
    {
        FilterPacket answer = _first.Reply with { Id = 99 };
        Assert.Equal(DropReason.NoFlow, _filter.In(answer));
        Assert.Equal(DropReason.None, _filter.Out(_first));
        Assert.Equal(DropReason.None, _filter.In(answer));
        Assert.Equal(DropReason.None, _filter.In(Last.Reply with { Id = 99 }));
    }

    [Fact]
    public void Fragments_of_a_dropped_first_fragment_are_dropped()
    {
        Assert.Equal(DropReason.Port, _filter.Out(_first with { DestinationPort = 54 }));
        Assert.Equal(DropReason.Fragment, _filter.Out(Middle));
        Assert.Equal(DropReason.Fragment, _filter.Out(Last));
    }

    [Fact]
    public void A_dropped_first_fragment_takes_back_what_an_earlier_one_with_its_id_allowed()
    {
        Assert.Equal(DropReason.None, _filter.Out(_first));
        Assert.Equal(DropReason.Port, _filter.Out(_first with { DestinationPort = 54 }));
        Assert.Equal(DropReason.Fragment, _filter.Out(Last));
    }

    [Fact]
    public void A_first_fragment_is_remembered_for_30_seconds()
    {
        Assert.Equal(DropReason.None, _filter.Out(_first, now: 1000));
        Assert.Equal(DropReason.None, _filter.Out(Last, now: 1029));
        Assert.Equal(DropReason.Fragment, _filter.Out(Last, now: 1030));
    }

    [Theory]
    [InlineData(FilterPacket.Tcp, 16)]
    [InlineData(FilterPacket.Udp, 0)]
    [InlineData(FilterPacket.Icmp, 0)]
    public void A_first_fragment_that_does_not_hold_its_whole_transport_header_is_malformed(byte protocol, int left)
    {
        byte[] tiny = (_first with { Protocol = protocol, Payload = 100 }).Build()[..(20 + left)];
        tiny[2] = 0;
        tiny[3] = (byte)tiny.Length;
        Assert.Equal(DropReason.Malformed, _filter.Check(Direction.Out, tiny, 1000));
        Assert.Equal(DropReason.Fragment, _filter.Out(Last with { Protocol = protocol }));
    }

    [Fact]
    public void A_tcp_fragment_at_offset_8_is_malformed_even_after_its_first()
    {
        FilterPacket tcp = _first with { Protocol = FilterPacket.Tcp, Payload = 20 };
        Assert.Equal(DropReason.None, _filter.Out(tcp));
        Assert.Equal(DropReason.Malformed, _filter.Out(tcp with { FragmentOffset = 8, Payload = 16 }));
        Assert.Equal(DropReason.None, _filter.Out(tcp with { FragmentOffset = 16, Payload = 16 }));
    }

    [Fact]
    public void Overlapping_later_fragments_pass_because_they_reach_no_port_and_the_kernel_drops_them() =>
        Assert.Equal(
            [DropReason.None, DropReason.None, DropReason.None],
            new[]
            {
                _filter.Out(_first),
                _filter.Out(_first with { FragmentOffset = 8, Payload = 1280 }),
                _filter.Out(Middle),
            }
        );

    [Fact]
    public void Only_the_last_fragment_may_end_off_the_grid()
    {
        Assert.Equal(DropReason.Malformed, _filter.Out(_first with { Payload = 1273 }));
        Assert.Equal(DropReason.Fragment, _filter.Out(Middle));
        Assert.Equal(DropReason.None, _filter.Out(_first));
        Assert.Equal(DropReason.Malformed, _filter.Out(Middle with { Payload = 1281 }));
    }

    [Fact]
    public void A_fragment_beyond_the_largest_packet_is_malformed()
    {
        Assert.Equal(DropReason.None, _filter.Out(_first));
        FilterPacket last = Last with { FragmentOffset = 65_528 };
        Assert.Equal(DropReason.Malformed, _filter.Out(last with { Payload = 8 }));
        Assert.Equal(DropReason.None, _filter.Out(last with { FragmentOffset = 65_504, Payload = 11 }));
        Assert.Equal(DropReason.Malformed, _filter.Out(last with { FragmentOffset = 65_504, Payload = 12 }));
    }

    [Fact]
    public void Icmp_in_fragments_passes_by_its_type()
    {
        FilterPacket echo = _first with { Protocol = FilterPacket.Icmp };
        Assert.Equal(DropReason.None, _filter.In(echo));
        Assert.Equal(DropReason.None, _filter.In(Last with { Protocol = FilterPacket.Icmp }));
        Assert.Equal(DropReason.IcmpType, _filter.In(echo with { IcmpType = 13, Id = 8 }));
        Assert.Equal(DropReason.Fragment, _filter.In(Last with { Protocol = FilterPacket.Icmp, Id = 8 }));
    }

    [Fact]
    public void Fragments_of_a_flow_in_progress_are_remembered_too()
    {
        // The second packet of a flow within a second takes a shorter way through the filter.
        FilterPacket whole = _first with { MoreFragments = false };
        Assert.Equal(DropReason.None, _filter.Out(whole));
        Assert.Equal(DropReason.None, _filter.Out(_first));
        Assert.Equal(DropReason.None, _filter.Out(Last));
    }

    public void Dispose() => _filter.Dispose();
}
