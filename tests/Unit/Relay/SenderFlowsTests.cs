using System.Net;
using System.Text;
using UdpTunnel.Relay;
using UdpTunnel.Relay.Flows;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Tests.Relay;

public sealed class SenderFlowsTests
{
    private static readonly ServicePlace.Place Somewhere = new(IPEndPoint.Parse("127.0.0.1:7000"));

    [Fact]
    public void A_flow_that_has_ended_is_found_no_more()
    {
        var flows = new SenderFlows(10, new TlsCodec());
        var flow = flows.Add(Numbered(7), 33, Somewhere, 0);
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
        var before = flows.Add(Numbered(FlowId.Make(5, 1)), 33, Somewhere, 0);
        Assert.True(flows.IsFull);
        Assert.Same(before, flows.Predecessor(Numbered(FlowId.Make(5, 2))));
        Assert.Null(flows.Predecessor(Numbered(FlowId.Make(6, 1))));

        flows.End(before);
        var after = flows.Add(Numbered(FlowId.Make(5, 2)), 34, Somewhere, 0);

        Assert.Null(flows.Find(before.Id));
        Assert.Same(after, flows.Find(after.Id));
    }

    [Fact]
    public void Flows_may_end_while_all_are_looked_at()
    {
        var flows = new SenderFlows(1000, new ClassicCodec());
        for (var i = 0; i < 1000; i++)
        {
            flows.Add(Named($"client {i}"), i, Somewhere, 0);
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
        var first = flows.Add(Named("192.0.2.1:1"), 33, Somewhere, 0);
        var second = flows.Add(Named(""), 34, Somewhere, 0);

        Assert.Same(first, flows.Find(Named("192.0.2.1:1")));
        Assert.Same(second, flows.Find(Named("")));
        Assert.Null(flows.Find(Named("192.0.2.1:10")));
        Assert.Equal("{\"PacketMessage\":{\"Host\":\"192.0.2.1:1\",\"Packet\":\"", Encoding.UTF8.GetString(first.Label));
    }

    [Fact]
    public void Clients_that_come_and_go_never_need_more_slots_than_there_may_be_flows()
    {
        var flows = new SenderFlows(2, new ClassicCodec());
        var seen = new HashSet<uint>();
        for (var i = 0; i < 1000; i++)
        {
            var flow = flows.Add(Named($"client {i}"), i, Somewhere, i);
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
        var all = Enumerable.Range(1, 3).Select(i => flows.Add(Named($"{i}"), i, Somewhere, 0)).ToList();
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

    private static RelayFrame Numbered(uint id) => new() { Type = FrameType.Datagram, FlowId = id };

    private static RelayFrame Named(string host) => new() { Type = FrameType.Datagram, Host = Encoding.UTF8.GetBytes(host) };
}
