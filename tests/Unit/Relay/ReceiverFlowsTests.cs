// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Text;
using UdpTunnel.Config;
using UdpTunnel.Linux;
using UdpTunnel.Relay;
using UdpTunnel.Relay.Flows;
using UdpTunnel.Relay.Wire;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Relay;

public sealed class ReceiverFlowsTests
{
    private const long Idle = 120_000;

    private static readonly IPAddress Attacker = IPAddress.Parse("203.0.113.9");

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
    public void Where_all_are_conversations_that_go_on_a_new_flow_is_refused_and_else_the_longest_idle_gives_way()
    {
        var flows = New(3);
        var live = Enumerable.Range(1, 3).Select(i => Converse(flows, Open(flows, i), 0)).ToList();

        Assert.Equal(RelayDropReason.FlowLimit, flows.TryOpen(Source(9), 999, out var refused, out var displaced));
        Assert.Null(refused);
        Assert.Null(displaced);
        Assert.All(live, f => Assert.Same(f, flows.Find(f.Id)));

        flows.OnRequest(live[0], 999);
        Assert.Equal(RelayDropReason.None, flows.TryOpen(Source(9), 1000, out _, out displaced));
        Assert.Same(live[1], displaced);
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
    public void A_flood_of_sources_that_nobody_answers_displaces_none_that_was_answered()
    {
        var flows = New(1000);
        var answered = Enumerable.Range(1, 200).Select(i => Answer(flows, Open(flows, i << 8), 0)).ToList();
        var spoken = Enumerable.Range(201, 300).Select(i => Converse(flows, Open(flows, i << 8), 0)).ToList();
        var spoofed = Enumerable.Range(1000, 500).Select(i => Open(flows, i << 8)).ToList();

        Assert.Equal(RelayDropReason.None, flows.TryOpen(Source(2000 << 8), 5000, out var fresh, out var displaced));
        Assert.Same(spoofed[0], displaced);
        Assert.Null(flows.Find(spoofed[0].Id));
        Assert.Same(fresh, flows.Find(Source(2000 << 8)));
        for (var i = 6000; i < 20_000; i++)
        {
            flows.TryOpen(Source(i << 8), 5000, out _, out _);
        }

        Assert.All(answered.Concat(spoken), f => Assert.Same(f, flows.Find(f.Id)));
        Assert.Equal(1000, flows.Count);
    }

    [Fact]
    public void A_flood_that_the_service_answers_displaces_no_conversation_and_no_client_that_waits()
    {
        var flows = New(1000);
        var spoken = Enumerable.Range(1, 400).Select(i => Converse(flows, Open(flows, i << 8), 0)).ToList();
        for (var i = 1000; i < 20_000; i++)
        {
            var waiting = OpenAt(flows, (i << 8) | 1, 60_000 + i);
            Answer(flows, OpenAt(flows, i << 8, 60_000 + i), 60_000 + i);
            Assert.Same(waiting, flows.Find(waiting.Id));
            Answer(flows, waiting, 60_000 + i);
        }

        Assert.All(spoken, f => Assert.Same(f, flows.Find(f.Id)));
        Assert.Equal(1000, flows.Count);
    }

    [Fact]
    public void A_source_that_fills_the_table_with_answered_flows_loses_its_own_oldest_to_everybody()
    {
        var flows = New(1000);
        var few = Enumerable.Range(1, 100).Select(i => Answer(flows, Open(flows, i << 8), 0)).ToList();
        var many = Enumerable.Range(1, 900).Select(i => Converse(flows, OpenAt(flows, Attacker, i, i), i)).ToList();

        // Its own, in use or not, go for its next ones and for those of others.
        for (var i = 0; i < 500; i++)
        {
            Assert.Equal(RelayDropReason.None, flows.TryOpen(Of(Attacker, 2000 + i), 1000, out _, out var displaced));
            Assert.Equal(Attacker, displaced!.Endpoint.ToIPEndPoint().Address);
            Assert.Equal(RelayDropReason.None, flows.TryOpen(Source((5000 + i) << 8), 1000, out _, out displaced));
            Assert.Equal(Attacker, displaced!.Endpoint.ToIPEndPoint().Address);
        }

        Assert.Null(flows.Find(many[0].Id));
        Assert.All(few, f => Assert.Same(f, flows.Find(f.Id)));
    }

    [Fact]
    public void A_network_of_sources_that_fills_the_table_loses_its_own_flows_too()
    {
        var flows = New(1000);
        var few = Enumerable.Range(1, 100).Select(i => Answer(flows, Open(flows, i << 8), 0)).ToList();
        for (var i = 0; i < 900; i++)
        {
            var member = IPAddress.Parse($"2001:db8:0:{i:x}::1");
            Converse(flows, OpenAt(flows, member, 1, 1000 + i), 1000 + i);
        }

        for (var i = 0; i < 500; i++)
        {
            Assert.Equal(RelayDropReason.None, flows.TryOpen(Source((5000 + i) << 8), 2000, out _, out var displaced));
            Assert.StartsWith("[2001:db8:", displaced!.Client, StringComparison.Ordinal);
        }

        Assert.All(few, f => Assert.Same(f, flows.Find(f.Id)));
    }

    [Fact]
    public void A_flow_ends_when_it_is_idle_whether_it_was_answered_or_not()
    {
        var flows = New(100);
        var silent = Open(flows, 1);
        var answered = Open(flows, 2);
        flows.OnAnswer(answered, 5_000);

        Assert.Empty(Sweep(flows, 119_999));
        Assert.Equal([silent], Sweep(flows, 120_000));
        Assert.Empty(Sweep(flows, 124_999));
        Assert.Equal([answered], Sweep(flows, 125_000));
        Assert.Equal(0, flows.Count);
    }

    [Fact]
    public void While_the_table_is_nearly_full_flows_that_are_no_conversation_end_after_10_seconds()
    {
        var flows = New(1000);
        var spoken = Enumerable.Range(1, 700).Select(i => Converse(flows, Open(flows, i), 0)).ToList();
        var answered = Enumerable.Range(1000, 150).Select(i => Answer(flows, Open(flows, i), 0)).ToList();
        var silent = Enumerable.Range(2000, 150).Select(i => Open(flows, i)).ToList();

        Assert.Empty(Sweep(flows, 9_999));
        Assert.Equal(answered.Take(125), Sweep(flows, 10_000));
        Assert.Empty(Sweep(flows, 119_999));
        Assert.All(spoken.Concat(silent), f => Assert.Same(f, flows.Find(f.Id)));
    }

    [Fact]
    public void Both_directions_keep_a_flow_alive()
    {
        var flows = New(100);
        var flow = Open(flows, 1);
        flows.OnRequest(flow, 100_000);
        Assert.Empty(Sweep(flows, 219_999));
        flows.OnAnswer(flow, 200_000);
        flows.OnAnswer(flow, 200_050);
        Assert.Empty(Sweep(flows, 320_049));
        Assert.Equal([flow], Sweep(flows, 320_050));
    }

    [Fact]
    public void Clients_outside_the_allowed_networks_open_nothing_and_the_rates_of_one_client_hold()
    {
        var config = (RelayConfig)
            ConfigFile
                .Parse(
                    """
            {"Relay": "receiver", "UdpAddress": ":53", "TcpAddress": ":5353", "Name": "dns",
             "AllowedClients": ["192.0.2.0/24", "2001:db8::/32"], "ClientFlowRate": 5, "ClientByteRate": 1000}
            """u8.ToArray(),
                    null
                )
                .Configuration!;
        var flows = new ReceiverFlows(100, Idle, new TlsCodec(), _ => [], new ClientBounds(config));

        Assert.Equal(RelayDropReason.ClientNotAllowed, flows.TryOpen(Source(1), 0, out _, out _));
        Assert.Equal(RelayDropReason.ClientNotAllowed, TryOpen("2001:db9::1", 1));
        Assert.Equal(RelayDropReason.None, TryOpen("2001:db8::1", 1));
        Assert.Equal(5, Enumerable.Range(1, 20).Count(port => TryOpen("192.0.2.7", port) == RelayDropReason.None));
        Assert.Equal(RelayDropReason.FlowRate, TryOpen("192.0.2.7", 30));
        Assert.Equal(RelayDropReason.None, TryOpen("192.0.2.8", 1));

        var flow = flows.Find(Of(IPAddress.Parse("192.0.2.7"), 1))!;
        Assert.True(flows.MaySend(flow, 65_000, 0));
        Assert.False(flows.MaySend(flow, 1_000, 0));
        Assert.True(flows.MaySend(flow, 1_000, 1_000));

        RelayDropReason TryOpen(string address, int port) =>
            flows.TryOpen(Of(IPAddress.Parse(address), port), 0, out _, out _);
    }

    [Fact]
    public void Flows_of_clients_that_are_allowed_no_more_end()
    {
        var flows = New(100);
        var (stays, goes) = (OpenAt(flows, IPAddress.Parse("192.0.2.7"), 1, 0), Open(flows, 1));
        var config = (RelayConfig)
            ConfigFile
                .Parse(
                    """{"Relay": "receiver", "UdpAddress": ":53", "TcpAddress": ":5353", "Name": "dns", "AllowedClients": ["192.0.2.0/24"]}"""u8.ToArray(),
                    null
                )
                .Configuration!;

        flows.Change(100, Idle, new ClientBounds(config));

        Assert.Equal([goes], Sweep(flows, 1));
        Assert.Same(stays, flows.Find(stays.Id));
        Assert.Empty(Sweep(flows, 2));
    }

    [Fact]
    public void One_address_opens_flows_at_a_bounded_rate_whatever_its_ports_and_others_are_not_concerned()
    {
        var flows = New(10_000);
        var opened = Enumerable
            .Range(1, 5000)
            .Count(port =>
                flows.TryOpen(
                    Endpoint.From(new IPEndPoint(IPAddress.Parse("192.0.2.66"), port), dualStack: true),
                    0,
                    out _,
                    out _
                ) == RelayDropReason.None
            );

        Assert.Equal(TokenBuckets.Burst, opened);
        Assert.Contains(Enumerable.Range(1, 8).Select(i => flows.TryOpen(Source(i), 0, out _, out _)), r =>
            r == RelayDropReason.None
        );
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

        ReceiverFlow? Find(string host) =>
            flows.Find(new RelayFrame { Type = FrameType.Datagram, Host = Encoding.UTF8.GetBytes(host) });
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
                        flows.OnAnswer(live, now);
                        flows.OnRequest(live, now);
                    }
                }
                else if (flows.TryOpen(Source(source), now, out var opened, out var displaced) == RelayDropReason.None)
                {
                    Assert.True(numbers.Add(opened!.Id), "a number was used twice");
                    model.Add(source, opened);
                    if (displaced is not null)
                    {
                        model.Remove(model.Single(m => m.Value == displaced).Key);
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
        Endpoint.From(
            new IPEndPoint(new IPAddress([10, (byte)(number >> 16), (byte)(number >> 8), (byte)number]), 4000),
            dualStack: true
        );

    private static Endpoint Of(IPAddress address, int port) =>
        Endpoint.From(new IPEndPoint(address, port), dualStack: true);

    private static ReceiverFlow Open(ReceiverFlows flows, int source) => OpenAt(flows, source, 0);

    private static ReceiverFlow OpenAt(ReceiverFlows flows, int source, long now)
    {
        Assert.Equal(RelayDropReason.None, flows.TryOpen(Source(source), now, out var flow, out _));
        return flow!;
    }

    private static ReceiverFlow OpenAt(ReceiverFlows flows, IPAddress address, int port, long now)
    {
        Assert.Equal(RelayDropReason.None, flows.TryOpen(Of(address, port), now, out var flow, out _));
        return flow!;
    }

    private static ReceiverFlow Answer(ReceiverFlows flows, ReceiverFlow flow, long now)
    {
        flows.OnAnswer(flow, now);
        return flow;
    }

    private static ReceiverFlow Converse(ReceiverFlows flows, ReceiverFlow flow, long now)
    {
        flows.OnAnswer(flow, now);
        flows.OnRequest(flow, now);
        return flow;
    }

    private static List<ReceiverFlow> Sweep(ReceiverFlows flows, long now)
    {
        var ended = new List<ReceiverFlow>();
        flows.Sweep(now, ended);
        return ended;
    }
}
