using System.Text;
using UdpTunnel.Relay.Flows;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Tests.Relay;

public sealed class SenderFlowsTests
{
    [Fact]
    public void A_flow_that_has_ended_is_found_no_more()
    {
        var flows = new SenderFlows(10, new TlsCodec());
        var flow = flows.Add(Numbered(7), 33, 0);
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
        var before = flows.Add(Numbered(FlowId.Make(5, 1)), 33, 0);
        Assert.True(flows.IsFull);
        Assert.Same(before, flows.Predecessor(Numbered(FlowId.Make(5, 2))));
        Assert.Null(flows.Predecessor(Numbered(FlowId.Make(6, 1))));

        flows.End(before);
        var after = flows.Add(Numbered(FlowId.Make(5, 2)), 34, 0);

        Assert.Null(flows.Find(before.Id));
        Assert.Same(after, flows.Find(after.Id));
    }

    [Fact]
    public void Flows_may_end_while_all_are_looked_at()
    {
        var flows = new SenderFlows(1000, new ClassicCodec());
        for (var i = 0; i < 1000; i++)
        {
            flows.Add(Named($"client {i}"), i, 0);
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
        var first = flows.Add(Named("192.0.2.1:1"), 33, 0);
        var second = flows.Add(Named(""), 34, 0);

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
            var flow = flows.Add(Named($"client {i}"), i, i);
            Assert.InRange(flow.Slot, 0, 1);
            Assert.True(seen.Add(flow.Id));
            flows.End(flow);
            Assert.Null(flows.Find(Named($"client {i}")));
        }

        Assert.Equal(0, flows.Count);
    }

    private static RelayFrame Numbered(uint id) => new() { Type = FrameType.Datagram, FlowId = id };

    private static RelayFrame Named(string host) => new() { Type = FrameType.Datagram, Host = Encoding.UTF8.GetBytes(host) };
}
