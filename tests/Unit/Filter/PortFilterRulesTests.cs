// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Filter;
using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Filter;

public sealed class PortFilterRulesTests : IDisposable
{
    private readonly PortFilter _filter = new(PortFilterCalls.Ports(22, 53));
    private readonly FilterPacket _request = new();

    [Theory]
    [InlineData(FilterPacket.Tcp)]
    [InlineData(FilterPacket.Udp)]
    public void Between_two_allowed_ports_everything_passes_and_nothing_is_remembered(byte protocol)
    {
        FilterPacket packet = _request with { Protocol = protocol, SourcePort = 53 };
        Assert.Equal(DropReason.None, _filter.Out(packet));
        Assert.Equal(DropReason.None, _filter.In(packet));
        Assert.Equal(0, _filter.FlowCount(1000));
    }

    [Theory]
    [InlineData(FilterPacket.Tcp)]
    [InlineData(FilterPacket.Udp)]
    public void An_answer_passes_only_after_its_request(byte protocol)
    {
        FilterPacket request = _request with { Protocol = protocol };
        Assert.Equal(DropReason.NoFlow, _filter.In(request.Reply));
        Assert.Equal(DropReason.None, _filter.Out(request));
        Assert.Equal(DropReason.None, _filter.In(request.Reply));
    }

    [Fact]
    public void An_answer_in_the_direction_of_its_request_does_not_pass()
    {
        Assert.Equal(DropReason.None, _filter.Out(_request));
        Assert.Equal(DropReason.NoFlow, _filter.Out(_request.Reply));
    }

    [Fact]
    public void An_answer_passes_only_if_protocol_addresses_and_ports_are_those_of_the_request()
    {
        Assert.Equal(DropReason.None, _filter.Out(_request));
        FilterPacket answer = _request.Reply;
        Assert.Equal(DropReason.NoFlow, _filter.In(answer with { Protocol = FilterPacket.Udp }));
        Assert.Equal(DropReason.NoFlow, _filter.In(answer with { Source = 0x0A000009 }));
        Assert.Equal(DropReason.NoFlow, _filter.In(answer with { Destination = 0x0A000009 }));
        Assert.Equal(DropReason.NoFlow, _filter.In(answer with { SourcePort = 53 }));
        Assert.Equal(DropReason.NoFlow, _filter.In(answer with { DestinationPort = 40_001 }));
        Assert.Equal(DropReason.None, _filter.In(answer));
    }

    [Fact]
    public void A_flow_of_udp_is_forgotten_300_seconds_after_its_last_packet_and_answers_do_not_prolong_it()
    {
        FilterPacket request = _request with { Protocol = FilterPacket.Udp };
        Assert.Equal(DropReason.None, _filter.Out(request, now: 1000));
        Assert.Equal(DropReason.None, _filter.In(request.Reply, now: 1119));
        Assert.Equal(DropReason.None, _filter.In(request.Reply, now: 1299));
        Assert.Equal(DropReason.NoFlow, _filter.In(request.Reply, now: 1300));
        Assert.Equal(DropReason.None, _filter.Out(request, now: 1300));
        Assert.Equal(DropReason.None, _filter.In(request.Reply, now: 1301));
        Assert.Equal(DropReason.None, _filter.Out(request, now: 1500));
        Assert.Equal(DropReason.None, _filter.In(request.Reply, now: 1799));
        Assert.Equal(DropReason.NoFlow, _filter.In(request.Reply, now: 1800));
    }

    [Fact]
    public void A_flow_of_udp_that_nobody_answered_is_forgotten_after_two_minutes()
    {
        FilterPacket request = _request with { Protocol = FilterPacket.Udp };
        Assert.Equal(DropReason.None, _filter.Out(request, now: 1000));
        Assert.Equal(DropReason.NoFlow, _filter.In(request.Reply, now: 1120));
    }

    [Fact]
    public void A_dropped_answer_passes_in_the_same_second_once_its_request_went_out()
    {
        Assert.Equal(DropReason.NoFlow, _filter.In(_request.Reply, now: 5));
        Assert.Equal(DropReason.None, _filter.Out(_request, now: 5));
        Assert.Equal(DropReason.None, _filter.In(_request.Reply, now: 5));
    }

    [Fact]
    public void Between_ports_that_are_not_allowed_nothing_passes()
    {
        Assert.Equal(DropReason.Port, _filter.Out(_request with { DestinationPort = 80 }));
        Assert.Equal(DropReason.Port, _filter.In(_request with { DestinationPort = 80 }));
    }

    [Fact]
    public void Port_0_is_a_port_that_is_not_allowed()
    {
        FilterPacket request = _request with { SourcePort = 0 };
        Assert.Equal(DropReason.None, _filter.Out(request));
        Assert.Equal(DropReason.None, _filter.In(request.Reply));
        Assert.Equal(DropReason.Port, _filter.Out(request with { DestinationPort = 0 }));
    }

    [Fact]
    public void A_change_of_ports_holds_from_the_next_packet_on()
    {
        Assert.Equal(DropReason.None, _filter.Out(_request));
        Assert.Equal(DropReason.None, _filter.In(_request.Reply));
        _filter.Ports = PortFilterCalls.Ports(53);
        Assert.Equal(DropReason.Port, _filter.Out(_request));
        Assert.Equal(DropReason.Port, _filter.In(_request.Reply));
        _filter.Ports = PortFilterCalls.Ports(22);
        Assert.Equal(DropReason.None, _filter.In(_request.Reply));
    }

    [Fact]
    public void Of_icmp_only_echo_and_errors_pass()
    {
        int[] passing =
        [
            .. Enumerable
                .Range(0, 256)
                .Where(type =>
                    _filter.In(new FilterPacket { Protocol = FilterPacket.Icmp, IcmpType = (byte)type })
                    == DropReason.None
                ),
        ];
        Assert.Equal([0, 3, 4, 5, 8, 11, 12], passing);
        Assert.Equal(
            DropReason.IcmpType,
            _filter.Out(new FilterPacket { Protocol = FilterPacket.Icmp, IcmpType = 13 })
        );
    }

    [Fact]
    public void Of_256_protocols_only_icmp_tcp_and_udp_are_known()
    {
        int[] known =
        [
            .. Enumerable
                .Range(0, 256)
                .Where(protocol => _filter.Out(_request with { Protocol = (byte)protocol }) != DropReason.Protocol),
        ];
        Assert.Equal([1, 6, 17], known);
    }

    [Fact]
    public void The_flows_are_listed_as_they_were_opened_with_direction_and_age()
    {
        FilterPacket other = _request with { Protocol = FilterPacket.Udp, DestinationPort = 53 };
        Assert.Equal(DropReason.None, _filter.Out(_request, now: 1000));
        Assert.Equal(DropReason.None, _filter.In(other, now: 1010));
        RememberedFlow[] expected =
        [
            new(_request.Flow, Direction.Out, 15) { State = FlowState.Opening },
            new(other.Flow, Direction.In, 5) { State = FlowState.Unanswered },
        ];
        Assert.Equal(expected, _filter.Flows(1015));
        Assert.Equal(2, _filter.FlowCount(1015));
        Assert.Equal([expected[0] with { Age = 130 }], _filter.Flows(1130));
        Assert.Empty(_filter.Flows(1240));
        Assert.Equal(0, _filter.FlowCount(1240));
    }

    [Fact]
    public void Restored_flows_pass_their_answers_for_the_rest_of_their_time()
    {
        Assert.Equal(DropReason.None, _filter.Out(_request, now: 1000));
        Assert.Equal(DropReason.None, _filter.In(_request with { Id = 1, SourcePort = 50_000 }, now: 1100));
        using var restarted = new PortFilter(PortFilterCalls.Ports(22, 53));

        // The other clock begins at 0: a flow may be older than it.
        Assert.All(_filter.Flows(1110), flow => Assert.True(restarted.Restore(flow, now: 3)));
        Assert.Equal(2, restarted.FlowCount(3));
        Assert.Equal(DropReason.None, restarted.In(_request.Reply, now: 132));
        Assert.Equal(DropReason.NoFlow, restarted.In(_request.Reply, now: 133));
        Assert.Equal(DropReason.None, restarted.Out((_request with { SourcePort = 50_000 }).Reply, now: 232));
        Assert.Equal(DropReason.NoFlow, restarted.Out((_request with { SourcePort = 50_000 }).Reply, now: 233));
    }

    [Fact]
    public void What_is_no_live_flow_is_not_restored()
    {
        var flow = new RememberedFlow(_request.Flow, Direction.Out, 86_399);
        Assert.False(_filter.Restore(flow with { Age = 86_400 }, now: 1000));
        Assert.False(_filter.Restore(flow with { State = FlowState.Opening }, now: 1000));
        Assert.False(_filter.Restore(flow with { State = FlowState.Answered, Age = 1 }, now: 1000));
        Assert.False(_filter.Restore(flow with { State = FlowState.None }, now: 1000));
        Assert.False(_filter.Restore(flow with { Flow = flow.Flow with { Protocol = 1 } }, now: 1000));
        Assert.False(_filter.Restore(flow with { Flow = flow.Flow with { DestinationPort = 0 } }, now: 1000));
        Assert.Equal(0, _filter.FlowCount(1000));
        Assert.True(_filter.Restore(flow, now: 1000));
        Assert.Equal(1, _filter.FlowCount(1000));
    }

    [Fact]
    public void The_generation_grows_with_each_new_flow_and_only_then()
    {
        long before = _filter.Generation;
        _filter.Out(_request, now: 1000);
        Assert.Equal(before + 1, _filter.Generation);
        _filter.Out(_request, now: 1000);
        _filter.Out(_request, now: 1001);
        _filter.In(_request.Reply, now: 1002);
        Assert.Equal(before + 1, _filter.Generation);
        _filter.In(_request, now: 1002);
        Assert.Equal(before + 2, _filter.Generation);
        _filter.Out(_request, now: 2000);
        Assert.Equal(before + 3, _filter.Generation);
    }

    [Fact]
    public void After_disposal_statistics_are_empty()
    {
        Assert.Equal(DropReason.None, _filter.Out(_request));
        _filter.Dispose();
        Assert.Equal(0, _filter.FlowCount(1000));
        Assert.Empty(_filter.Flows(1000));
    }

    public void Dispose() => _filter.Dispose();
}
