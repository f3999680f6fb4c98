// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Text;
using UdpTunnel.Config;
using UdpTunnel.Relay;
using UdpTunnel.Relay.Flows;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Tests.Relay;

public sealed class SenderFlowsTests
{
    private static readonly ServicePlace Service = At("127.0.0.1:7000");

    [Fact]
    public void A_flow_that_has_ended_is_found_no_more()
    {
        var flows = new SenderFlows(10, new TlsCodec());
        var flow = Add(flows, Numbered(7), 33, 0);
        Assert.Same(flow, flows.Find(flow.Id));
        Assert.Equal(1, flows.Count);

        flows.End(flow);

        Assert.Null(flows.Find(flow.Id));
        Assert.Empty(flows.All);
        Assert.Equal(0, flows.Count);
    }

    [Fact]
    public void The_next_client_of_a_slot_takes_the_place_of_the_one_before()
    {
        var flows = new SenderFlows(1, new TlsCodec());
        var before = Add(flows, Numbered(FlowId.Make(5, 1)), 33, 0);
        Assert.True(flows.IsFull);
        Assert.Same(before, flows.Predecessor(Numbered(FlowId.Make(5, 2))));
        Assert.Null(flows.Predecessor(Numbered(FlowId.Make(6, 1))));

        flows.End(before);
        var after = Add(flows, Numbered(FlowId.Make(5, 2)), 34, 0);

        Assert.Null(flows.Find(before.Id));
        Assert.Same(after, flows.Find(after.Id));
    }

    [Fact]
    public void Flows_may_end_while_all_are_looked_at()
    {
        var flows = new SenderFlows(1000, new ClassicCodec());
        for (var i = 0; i < 1000; i++)
        {
            Add(flows, Named($"client {i}"), i, 0);
        }

        foreach (var flow in flows.All)
        {
            flows.End(flow);
        }

        Assert.Equal(0, flows.Count);
    }

    [Fact]
    public void In_the_classic_protocol_any_name_is_a_client_of_its_own()
    {
        var flows = new SenderFlows(3, new ClassicCodec());
        var first = Add(flows, Named("192.0.2.1:1"), 33, 0);
        var second = Add(flows, Named(""), 34, 0);

        Assert.Same(first, flows.Find(Named("192.0.2.1:1")));
        Assert.Same(second, flows.Find(Named("")));
        Assert.Null(flows.Find(Named("192.0.2.1:10")));
        Assert.Equal(
            "{\"PacketMessage\":{\"Host\":\"192.0.2.1:1\",\"Packet\":\"",
            Encoding.UTF8.GetString(first.Label)
        );
    }

    [Fact]
    public void Clients_that_come_and_go_never_need_more_slots_than_there_may_be_flows()
    {
        var flows = new SenderFlows(2, new ClassicCodec());
        var seen = new HashSet<uint>();
        for (var i = 0; i < 1000; i++)
        {
            var flow = Add(flows, Named($"client {i}"), i, i);
            Assert.InRange(flow.Slot, 0, 1);
            Assert.True(seen.Add(flow.Id));
            flows.End(flow);
            Assert.Null(flows.Find(Named($"client {i}")));
        }

        Assert.Equal(0, flows.Count);
    }

    [Fact]
    public void In_a_full_table_the_flow_that_is_longest_idle_gives_way_but_no_conversation_that_goes_on()
    {
        var flows = new SenderFlows(3, new ClassicCodec());
        var all = Enumerable.Range(1, 3).Select(i => Add(flows, Named($"{i}"), i, 0)).ToList();
        foreach (var flow in all)
        {
            flows.OnAnswer(flow, 10);
            flows.OnRequest(flow, 20);
        }

        Assert.Null(flows.Yielding(20 + FlowRanks.InUse - 1));
        flows.OnRequest(all[0], 1000);
        Assert.Same(all[1], flows.Yielding(1500));
        flows.End(all[1]);
        Assert.Same(all[2], flows.Yielding(1500));
    }

    [Fact]
    public void The_next_host_of_a_service_is_told_who_the_client_is_and_the_same_one_is_not()
    {
        var flows = new SenderFlows(3, new TlsCodec());
        var origin = new FlowOpening(53, 4000, 0xC000_0201, 0xC000_0202, IsV4: true);
        var place = Service.Current!;
        var flow = flows.Add(Numbered(7), 33, Service, place, origin, ProxyProtocol.V2, 0);
        flow.IsIntroduced = true;

        flow.Direct(new ServicePlace.Place(place.Address));
        Assert.True(flow.IsIntroduced);
        flow.Direct(new ServicePlace.Place(IPEndPoint.Parse("127.0.0.2:7000")));
        Assert.False(flow.IsIntroduced);
    }

    private static SenderFlow Add(SenderFlows flows, in RelayFrame frame, int descriptor, long now) =>
        flows.Add(frame, descriptor, Service, Service.Current!, null, ProxyProtocol.Off, now);

    private static ServicePlace At(string endpoint)
    {
        Assert.True(HostPort.TryParse(endpoint, out var address, out var error), error);
        var service = new ServicePlace(address);
        Assert.True(address.TryGetAddress(out var literal));
        service.MoveTo(literal);
        return service;
    }

    private static RelayFrame Numbered(uint id) => new() { Type = FrameType.Datagram, FlowId = id };

    private static RelayFrame Named(string host) =>
        new() { Type = FrameType.Datagram, Host = Encoding.UTF8.GetBytes(host) };
}
