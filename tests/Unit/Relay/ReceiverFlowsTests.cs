using System.Net;
using System.Text;
using UdpTunnel.Linux;
using UdpTunnel.Relay;
using UdpTunnel.Relay.Flows;
using UdpTunnel.Relay.Wire;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Relay;

public sealed class ReceiverFlowsTests
{
    private const long Idle = 120_000;

    [Fact]
    public void A_source_keeps_its_flow_and_others_have_others()
    {
        var flows = New(100);
        var first = Open(flows, 1);
        var second = Open(flows, 2);

        Assert.NotEqual(first.Id, second.Id);
        Assert.Same(first, flows.Find(Source(1)));
        Assert.Same(second, flows.Find(second.Id));
        Assert.Equal(2, flows.Count);
    }

    [Fact]
    public void The_number_of_an_ended_flow_means_nobody_also_when_its_slot_is_another_s()
    {
        var flows = New(1);
        var first = Open(flows, 1);
        flows.End(first);
        var second = Open(flows, 2);

        Assert.Equal(first.Slot, second.Slot);
        Assert.NotEqual(first.Id, second.Id);
        Assert.Null(flows.Find(first.Id));
        Assert.Same(second, flows.Find(second.Id));
    }

    [Fact]
    public void Above_the_limit_new_flows_are_refused_and_the_live_ones_stay()
    {
        var flows = New(3);
        var live = Enumerable.Range(1, 3).Select(i => Open(flows, i)).ToList();

        Assert.Equal(RelayDropReason.FlowLimit, flows.TryOpen(Source(9), 0, out var refused, out var evicted));
        Assert.Null(refused);
        Assert.Null(evicted);
        Assert.All(live, f => Assert.Same(f, flows.Find(f.Id)));
    }

    [Fact]
    public void Of_many_clients_that_begin_at_once_none_gives_way_while_there_is_room()
    {
        var flows = New(1000);
        var clients = Enumerable.Range(1, 1000).Select(i => Open(flows, i)).ToList();

        Assert.All(clients, f => Assert.Same(f, flows.Find(f.Id)));
        Assert.Equal(1000, flows.Count);
    }

    [Fact]
    public void In_a_full_table_the_oldest_unanswered_flow_gives_way_while_they_hold_half_of_it()
    {
        var flows = New(1000);
        var answered = Enumerable.Range(1, 400).Select(i => Open(flows, i)).ToList();
        answered.ForEach(flows.MarkAnswered);

        var spoofed = Enumerable.Range(1000, 600).Select(i => Open(flows, i)).ToList();
        Assert.Equal(RelayDropReason.None, flows.TryOpen(Source(5000), 0, out var fresh, out var evicted));

        Assert.Same(spoofed[0], evicted);
        Assert.Null(flows.Find(spoofed[0].Id));
        Assert.Same(fresh, flows.Find(Source(5000)));
        Assert.Equal(1000, flows.Count);
        for (var i = 6000; i < 20_000; i++)
        {
            flows.TryOpen(Source(i), 0, out _, out _);
        }

        Assert.All(answered, f => Assert.Same(f, flows.Find(f.Id)));
        Assert.Equal(1000, flows.Count);
    }

    [Fact]
    public void In_a_table_full_of_answered_flows_new_ones_are_refused_and_the_few_that_wait_stay()
    {
        var flows = New(1000);
        Enumerable.Range(1, 501).Select(i => Open(flows, i)).ToList().ForEach(flows.MarkAnswered);
        var waiting = Enumerable.Range(1000, 499).Select(i => Open(flows, i)).ToList();

        Assert.Equal(RelayDropReason.FlowLimit, flows.TryOpen(Source(5000), 0, out _, out var evicted));
        Assert.Null(evicted);
        Assert.All(waiting, f => Assert.Same(f, flows.Find(f.Id)));
    }

    [Fact]
    public void A_flow_without_an_answer_ends_after_10_seconds_and_an_answered_one_when_it_is_idle()
    {
        var flows = New(100);
        var silent = Open(flows, 1);
        var answered = Open(flows, 2);
        flows.MarkAnswered(answered);
        answered.CountToClient(1, 5_000);

        Assert.Empty(Sweep(flows, 9_999));
        Assert.Equal([silent], Sweep(flows, 10_000));
        Assert.Empty(Sweep(flows, 124_999));
        Assert.Equal([answered], Sweep(flows, 125_000));
        Assert.Equal(0, flows.Count);
    }

    [Fact]
    public void Both_directions_keep_a_flow_alive()
    {
        var flows = New(100);
        var flow = Open(flows, 1);
        flows.MarkAnswered(flow);
        flow.CountToService(1, 100_000);
        Assert.Empty(Sweep(flows, 219_999));
        flow.CountToClient(1, 200_000);
        Assert.Empty(Sweep(flows, 319_999));
        Assert.Equal([flow], Sweep(flows, 320_000));
    }

    [Fact]
    public void One_address_opens_flows_at_a_bounded_rate_whatever_its_ports_and_others_are_not_concerned()
    {
        var flows = New(10_000);
        var opened = Enumerable.Range(1, 5000).Count(port =>
            flows.TryOpen(Endpoint.From(new IPEndPoint(IPAddress.Parse("192.0.2.66"), port), dualStack: true), 0, out _, out _) == RelayDropReason.None);

        Assert.Equal(TokenBuckets.Burst, opened);
        Assert.Contains(
            Enumerable.Range(1, 8).Select(i => flows.TryOpen(Source(i), 0, out _, out _)), r => r == RelayDropReason.None);
    }

    [Fact]
    public void In_the_classic_protocol_a_flow_is_found_by_the_name_of_a_live_client_only()
    {
        var flows = new ReceiverFlows(10, Idle, new ClassicCodec(), s => HostText.Make(s.ToIPEndPoint(), LinkName.Of));
        flows.TryOpen(Endpoint.From(IPEndPoint.Parse("192.0.2.7:40112"), dualStack: true), 0, out var flow, out _);

        Assert.Same(flow, Find("192.0.2.7:40112"));
        Assert.Null(Find("192.0.2.7:40113"));
        Assert.Null(Find("no address at all"));
        Assert.Null(Find(""));
        flows.End(flow!);
        Assert.Null(Find("192.0.2.7:40112"));

        ReceiverFlow? Find(string host) => flows.Find(new RelayFrame { Type = FrameType.Datagram, Host = Encoding.UTF8.GetBytes(host) });
    }

    [Fact]
    public void Whatever_happens_it_agrees_with_a_simple_model() => Randomised.Check(40, random =>
    {
        const int max = 100;
        var flows = New(max);
        var model = new Dictionary<int, ReceiverFlow>();
        var numbers = new HashSet<uint>();
        long now = 0;
        for (var i = 0; i < 2000; i++)
        {
            now += random.Next(50);
            var source = random.Next(300);
            if (model.TryGetValue(source, out var live))
            {
                Assert.Same(live, flows.Find(Source(source)));
                if (random.Chance(30))
                {
                    flows.End(live);
                    model.Remove(source);
                }
                else if (random.Chance(50))
                {
                    flows.MarkAnswered(live);
                    live.CountToClient(1, now);
                }
            }
            else if (flows.TryOpen(Source(source), now, out var opened, out var evicted) == RelayDropReason.None)
            {
                Assert.True(numbers.Add(opened!.Id), "a number was used twice");
                model.Add(source, opened);
                if (evicted is not null)
                {
                    Assert.False(evicted.IsAnswered);
                    model.Remove(model.Single(m => m.Value == evicted).Key);
                }
            }

            if (random.Chance(2))
            {
                var ended = Sweep(flows, now);
                foreach (var key in model.Where(m => ended.Contains(m.Value)).Select(m => m.Key).ToList())
                {
                    model.Remove(key);
                }
            }

            Assert.Equal(model.Count, flows.Count);
            Assert.InRange(flows.Count, 0, max);
        }

        Assert.Equal(model.Values.OrderBy(f => f.Id), flows.All.OrderBy(f => f.Id));
    });

    private static ReceiverFlows New(int max) => new(max, Idle, new TlsCodec(), _ => []);

    private static Endpoint Source(int number) =>
        Endpoint.From(new IPEndPoint(new IPAddress([10, (byte)(number >> 16), (byte)(number >> 8), (byte)number]), 4000), dualStack: true);

    private static ReceiverFlow Open(ReceiverFlows flows, int source)
    {
        Assert.Equal(RelayDropReason.None, flows.TryOpen(Source(source), 0, out var flow, out _));
        return flow!;
    }

    private static List<ReceiverFlow> Sweep(ReceiverFlows flows, long now)
    {
        var ended = new List<ReceiverFlow>();
        flows.Sweep(now, ended);
        return ended;
    }
}
