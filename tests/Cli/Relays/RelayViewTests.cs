// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Json;
using UdpTunnel.Cli.Commands.Relays;
using UdpTunnel.Cli.Output;
using UdpTunnel.Cli.Output.Relays;
using UdpTunnel.Config;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli.Relays;

public sealed class RelayViewTests
{
    private static readonly DateTimeOffset Now = Samples.Now;

    [Fact]
    public void The_status_of_a_running_receiver_fits_on_a_few_lines()
    {
        var screen = new Screen(colour: false);
        Overview.Render(screen, [], [RelaySamples.Receiver()], [], Now);

        Assert.Equal(
            $"""
            dns: running, up 3 hours
              role      receiver (tls): clients at UDP :53, sender at TCP :5353
              sender    192.0.2.7:40112, heard 12 seconds ago
              its key   {RelaySamples.Key}
              now       to service 8.19 kbit/s, 8.0 packets/s; to clients 16.4 kbit/s, 4.0
                        packets/s
              total     to service 1.50 KiB, 12 packets; to clients 512 B, 1 packet
              flows     2 live of at most 10,000
              dropped   3 no approved sender

            """,
            screen.ToString()
        );
    }

    [Fact]
    public void A_pending_sender_stands_below_all_with_the_command_that_lets_it_in()
    {
        var screen = new Screen(colour: false);
        Overview.Render(screen, [Samples.Server()], [RelaySamples.WaitingReceiver()], [RelaySamples.Sender()], Now);

        Assert.EndsWith(
            $"""

            1 sender waits for approval:
              from 192.0.2.7:40112 at dns, came 3 minutes ago
                udptunnelctl approve {RelaySamples.Key}

            """,
            screen.ToString(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void A_sender_that_waits_is_told_where_somebody_has_to_do_what()
    {
        var screen = new Screen(colour: false);
        Overview.Render(screen, [], [RelaySamples.PendingSender()], [], Now);

        Assert.Contains("udptunnelctl approve", screen.ToString(), StringComparison.Ordinal);
        Assert.Contains(RelaySamples.Key, screen.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void With_both_ends_on_one_host_what_to_do_is_said_once()
    {
        var screen = new Screen(colour: false);
        Overview.Render(
            screen,
            [],
            [RelaySamples.WaitingReceiver(), RelaySamples.PendingSender()],
            [RelaySamples.Sender()],
            Now
        );

        Assert.Equal(2, screen.ToString().Split("udptunnelctl approve").Length);
        Assert.EndsWith($"udptunnelctl approve {RelaySamples.Key}\n", screen.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Flows_stand_in_columns_the_most_active_first_and_no_more_than_a_screen()
    {
        var screen = new Screen(colour: false);
        var flows = Enumerable
            .Range(0, 30)
            .Select(i => RelaySamples.Flow((uint)i, $"198.51.100.{i}:5000", idle: 100 - i))
            .ToList();
        flows.Add(RelaySamples.Flow(99, client: "", idle: 200));
        flows.Add(RelaySamples.Flow(98, client: "[2001:db8:1111:2222:3333:4444:5555:6666]:5000", idle: 0));

        FlowView.Render(screen, flows);

        var rows = screen
            .ToString()
            .Split('\n')
            .Select(l => string.Join(' ', l.Split(' ', StringSplitOptions.RemoveEmptyEntries)))
            .ToList();
        Assert.Equal("[2001:db8:1111:2222:3333:4444:5555:6666]:5000", rows[2]);
        Assert.Equal("3m 0s 120 1.50 KiB 119 1.50 GiB", rows[3]);
        Assert.Equal(
            "198.51.100.29:5000 3m 71s 120 1.50 KiB 119 1.50 GiB".Replace("71s", "1m", StringComparison.Ordinal),
            rows[4]
        );
        Assert.Contains("and 12 more; --json shows all", rows);
    }

    [Fact]
    public void Stats_show_every_counter()
    {
        var screen = new Screen(colour: false);
        RelayStatsView.Render(screen, RelaySamples.Receiver(), Now);
        var rows = screen
            .ToString()
            .Split('\n')
            .Select(l => string.Join(' ', l.Split(' ', StringSplitOptions.RemoveEmptyEntries)))
            .ToList();

        Assert.Contains("dns: running, started 3 hours ago", rows);
        Assert.Contains("packets 12 1", rows);
        Assert.Contains("bytes 1,536 512", rows);
        Assert.Contains("packet rate 8.0 packets/s 4.0 packets/s", rows);
        Assert.Contains("bit rate 8.19 kbit/s 16.4 kbit/s", rows);
        Assert.Contains("dropped: no approved sender 3", rows);
        Assert.Contains("flows 2 live of at most 10,000, 5 opened since the start", rows);
    }

    [Fact]
    public void Only_what_changed_among_the_senders_is_told()
    {
        var screen = new Screen(colour: false);
        var stays = RelaySamples.Sender(fingerprint: RelaySamples.OtherKey);
        var classic = RelaySamples.Sender(fingerprint: "");

        SenderView.RenderChanges(
            screen,
            [RelaySamples.Sender(), stays, classic],
            [RelaySamples.Sender(SenderState.Connected), stays],
            Now,
            new UtcClock()
        );

        var text = string.Join(
            ' ',
            screen.ToString().Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries)
        );
        Assert.Equal(
            $"2026-03-04 12:00:00 dns: connected: {RelaySamples.Key} from 192.0.2.7:40112 "
                + "2026-03-04 12:00:00 dns: gone: 192.0.2.7:40112 (no identity)",
            text
        );
    }

    [Theory]
    [InlineData("receiver", ":53", "receiver-53")]
    [InlineData("receiver", "[2001:db8::1]:53", "receiver-2001-db8--1-53")]
    [InlineData("sender", "internal-dns.lan:53", "sender-internal-dns.lan-53")]
    public void A_relay_without_a_name_is_called_by_its_role_and_address(string role, string address, string name) =>
        Assert.Equal(name, RelayName.For(role, address));

    [Fact]
    public void Whatever_the_address_the_name_made_of_it_is_one() =>
        Property.ForAll<string?>(address =>
            ConfigurationName.TryValidate(RelayName.For("sender", address ?? ""), out _)
            && ConfigurationName.TryValidate(RelayName.For("receiver", new string('x', 300) + ":65535"), out _)
        );

    [Fact]
    public void A_relay_has_every_field_of_the_message_in_camel_case()
    {
        using var document = JsonDocument.Parse(Write(w => RelayJson.Write(w, "it", RelaySamples.Receiver())));
        var json = document.RootElement.GetProperty("it");

        Assert.Equal(Names(Relay.Descriptor), json.EnumerateObject().Select(p => p.Name).Order());
        Assert.Equal(
            Names(RelayCounters.Descriptor),
            json.GetProperty("counters").EnumerateObject().Select(p => p.Name).Order()
        );
        Assert.Equal(
            Names(RelayRates.Descriptor),
            json.GetProperty("rates").EnumerateObject().Select(p => p.Name).Order()
        );
        Assert.Equal(120, json.GetProperty("idleTimeout").GetInt32());
    }

    [Fact]
    public void A_flow_has_every_field_of_the_message_in_camel_case()
    {
        using var document = JsonDocument.Parse(Write(w => RelayJson.WriteFlows(w, "it", [RelaySamples.Flow(7)])));

        var flow = Assert.Single(document.RootElement.GetProperty("it").EnumerateArray());
        Assert.Equal(Names(RelayFlow.Descriptor), flow.EnumerateObject().Select(p => p.Name).Order());
        Assert.Equal(180, flow.GetProperty("age").GetInt32());
    }

    [Fact]
    public void A_sender_without_a_key_has_a_fingerprint_of_null()
    {
        using var document = JsonDocument.Parse(
            Write(w => SenderJson.Write(w, "it", RelaySamples.Sender(fingerprint: "")))
        );
        var json = document.RootElement.GetProperty("it");

        Assert.Equal(Names(Sender.Descriptor), json.EnumerateObject().Select(p => p.Name).Order());
        Assert.Equal(JsonValueKind.Null, json.GetProperty("fingerprint").ValueKind);
        Assert.Equal("pending", json.GetProperty("state").GetString());
    }

    [Fact]
    public void Whatever_a_daemon_sends_is_one_line_of_printable_ascii_that_parses() =>
        Property.ForAll<int>(seed =>
        {
            var random = new Random(seed);
            var text = Write(writer =>
            {
                RelayJson.WriteAll(writer, "relays", [RelaySamples.Any(random)]);
                RelayJson.WriteFlows(writer, "flows", [RelaySamples.AnyFlow(random)]);
                SenderJson.WriteAll(writer, "senders", [RelaySamples.AnySender(random)]);
            });
            using var document = JsonDocument.Parse(text);
            return text.EndsWith('\n') && text.AsSpan(0, text.Length - 1).IndexOfAnyExceptInRange(' ', '~') < 0;
        });

    [Fact]
    public void No_line_of_any_view_is_wider_than_80_columns_or_acts_on_a_terminal() =>
        Property.ForAll<int>(seed =>
        {
            var text = Everything(seed);
            return text.Split('\n').All(l => TerminalText.Columns(l) <= 80)
                && text.All(c => c == '\n' || !char.IsControl(c));
        });

    private static string Everything(int seed)
    {
        var random = new Random(seed);
        var relay = RelaySamples.Any(random);
        var senders = new[] { RelaySamples.AnySender(random), RelaySamples.AnySender(random) };
        var screen = new Screen(colour: false);
        Overview.Render(screen, [], [relay, RelaySamples.Any(random)], senders, Now);
        RelayStatusView.RenderInFull(
            screen,
            relay,
            senders,
            [RelaySamples.AnyFlow(random), RelaySamples.AnyFlow(random)],
            Now
        );
        RelayStatsView.Render(screen, relay, Now);
        RelayStatsView.RenderLine(screen, relay, Now, new UtcClock());
        RelayStartView.Render(screen, relay, [], Samples.Text(random));
        SenderView.Render(screen, senders, Now, new UtcClock());
        SenderView.RenderChanges(screen, [senders[0]], [senders[1]], Now, new UtcClock());
        SenderView.RenderDecision(screen, "denied", senders[0], Style.Warning);
        return screen.ToString();
    }

    private static IEnumerable<string> Names(Google.Protobuf.Reflection.MessageDescriptor message) =>
        message.Fields.InDeclarationOrder().Select(f => f.JsonName).Order();

    private static string Write(Action<Utf8JsonWriter> members)
    {
        using var output = new StringWriter();
        JsonOutput.Write(output, members);
        return output.ToString();
    }

    private sealed class UtcClock : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;
    }
}
