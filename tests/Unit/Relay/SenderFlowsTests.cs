using System.Text;
using UdpTunnel.Relay.Flows;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Tests.Relay;

public sealed class SenderFlowsTests
{
    [Fact]
    public void A_flow_in_use_does_not_end_and_an_ended_one_is_not_used()
    {
        var flow = new SenderFlow(FlowId.Make(1, 1), 3, [], [], 0);

        Assert.True(flow.TryEnter());
        Assert.False(flow.TryEnd());
        flow.Leave();
        Assert.True(flow.TryEnd());
        Assert.False(flow.TryEnd());
        Assert.False(flow.TryEnter());
    }

    [Fact]
    public void A_flow_that_the_receiver_ends_is_handed_over_for_closing_once()
    {
        var flows = new SenderFlows(10, new TlsCodec());
        var flow = flows.Add(Numbered(7), 33, 0);

        Assert.True(flows.TryEnd(flow.Id));
        Assert.False(flows.TryEnd(flow.Id));
        Assert.Null(flows.Find(flow.Id));
        Assert.Equal(1, flows.Count);
        Assert.True(flows.TryTakeEnded(out var ended));
        Assert.Same(flow, ended);
        Assert.False(flows.TryTakeEnded(out _));
        flows.Closed(flow);
        Assert.Equal(0, flows.Count);
    }

    [Fact]
    public void The_next_client_of_a_slot_ends_the_one_before()
    {
        var flows = new SenderFlows(10, new TlsCodec());
        var before = flows.Add(Numbered(FlowId.Make(5, 1)), 33, 0);
        var after = flows.Add(Numbered(FlowId.Make(5, 2)), 34, 0);

        Assert.Null(flows.Find(before.Id));
        Assert.Same(after, flows.Find(after.Id));
        Assert.True(flows.TryTakeEnded(out var ended));
        Assert.Same(before, ended);
    }

    [Fact]
    public void Idle_flows_end_and_the_others_stay()
    {
        var flows = new SenderFlows(10, new TlsCodec());
        var idle = flows.Add(Numbered(1), 33, 0);
        var busy = flows.Add(Numbered(2), 34, 0);
        busy.CountToClient(1, 1);

        Assert.Equal([idle], flows.Sweep(1000, 1000));
        Assert.Same(busy, flows.Find(busy.Id));
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
            Assert.Equal([flow], flows.Sweep(i + 10, 10));
            flows.Closed(flow);
        }

        Assert.Equal(0, flows.Count);
    }

    [Fact]
    public void Descriptors_are_closed_once_however_both_threads_race()
    {
        var flows = new SenderFlows(4000, new TlsCodec());
        for (uint id = 1; id <= 2000; id++)
        {
            flows.Add(Numbered(id), (int)id, 0);
        }

        var swept = new List<SenderFlow>();
        var used = 0;
        Parallel.Invoke(
            () =>
            {
                for (uint id = 1; id <= 2000; id++)
                {
                    if (flows.Find(id) is { } flow && flow.TryEnter())
                    {
                        used++;
                        flow.Leave();
                    }

                    flows.TryEnd(id);
                }
            },
            () =>
            {
                while (flows.Sweep(10, 10) is { Count: > 0 } ended)
                {
                    swept.AddRange(ended);
                }
            });
        var closed = swept.ToList();
        while (flows.TryTakeEnded(out var ended))
        {
            closed.Add(ended!);
        }

        Assert.InRange(used, 0, 2000);
        Assert.Equal(2000, closed.Count);
        Assert.Equal(2000, closed.DistinctBy(f => f.Descriptor).Count());
    }

    private static RelayFrame Numbered(uint id) => new() { Type = FrameType.Datagram, FlowId = id };

    private static RelayFrame Named(string host) => new() { Type = FrameType.Datagram, Host = Encoding.UTF8.GetBytes(host) };
}
