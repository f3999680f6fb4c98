// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Commands;
using UdpTunnel.Cli.Live;
using UdpTunnel.Cli.Live.Top;
using UdpTunnel.Tests.Cli.Relays;

namespace UdpTunnel.Tests.Cli.Live;

public sealed class TopViewTests
{
    private static readonly TerminalSize Size = new(80, 24);
    private static readonly string[] Codes = ["0", "1", "7", "31", "32", "33"];

    [Fact]
    public void The_list_has_a_row_for_each_tunnel_relay_and_pending_sender()
    {
        var lines = Render(TopSamples.State());

        Assert.Equal(24, lines.Count);
        Assert.Equal("udptunnelctl top  12:00:00  1 tunnel, 1 relay  by name", lines[0]);
        Assert.Equal("1 sender waits for approval: a lets one in, d sends it away", lines[1]);
        Assert.Equal("  NAME           KIND     STATE       HEARD OUT b/s  IN b/s  DROPS  RATE", lines[2]);
        Assert.Equal("> dns            receiver waiting     never       0       0      3", lines[3]);
        Assert.Equal("  home           server   running       12s   8.00M       0     15            ██", lines[4]);
        Assert.Equal("  SHA256:47DEQpj8HBSa+/TIm... wants in at dns from 192.0.2.7:40112, 3m", lines[5]);
        Assert.Equal("q quit  j/k select  Enter details  s sort  f filter  p pause  ? help", lines[23]);
    }

    [Fact]
    public void Details_of_a_tunnel_show_its_rates_and_its_status()
    {
        var lines = Render(Press(TopSamples.State(), "j\r"));

        Assert.Equal("out  8.00 Mbit/s, 0 packets/s   most in view 8.00 Mbit/s", lines[2]);
        Assert.EndsWith("██", lines[3], StringComparison.Ordinal);
        Assert.Equal("home: running, up 3 hours", lines[8]);
        Assert.Equal("Esc back  j/k scroll  s sort  f filter  p pause  a approve  d deny  ? help", lines[23]);
    }

    [Fact]
    public void Details_of_a_relay_show_its_flows_and_scroll()
    {
        var state = Press(TopSamples.State(), "\r");
        state = state with { Live = state.Live.WithFlows(RelayFlows(40), Samples.Now) };

        Assert.Contains(Render(state), l => l.StartsWith("dns: waiting", StringComparison.Ordinal));
        Assert.Contains("198.51.100.39:5000", Render(Press(state, "G"))[22], StringComparison.Ordinal);
    }

    [Fact]
    public void A_relay_s_flow_shows_what_it_carries()
    {
        var state = Press(TopSamples.State(), "\r");
        for (var second = 0; second < 4; second++)
        {
            var flows = RelayFlows(2);
            flows.OfRelay[1].BytesToService += (ulong)(1000 * second * second);
            state = state with { Live = state.Live.WithFlows(flows, Samples.Now.AddSeconds(second)) };
        }

        var lines = Render(Press(state, "sG"));

        Assert.Equal("udptunnelctl top  12:00:00  1 tunnel, 1 relay  flows by rate", lines[0]);
        Assert.Equal(
            [
                "  client                   age  idle   to service   to clients  rate",
                "  198.51.100.1:5000         3m    1s  40.0 kbit/s      0 bit/s  ▂▅█",
                "  198.51.100.0:5000         3m    0s      0 bit/s      0 bit/s",
            ],
            lines.SkipWhile(l => !l.StartsWith("  client", StringComparison.Ordinal)).Take(3)
        );
    }

    [Fact]
    public void Details_of_a_tunnel_show_the_flows_that_its_filter_remembers_and_filter_them()
    {
        var state = Press(TopSamples.State(), "j\r");
        var flows = Enumerable.Range(0, 30).Select(i => Samples.Flow($"10.0.0.{i}:40112", i));
        state = state with { Live = state.Live.WithFlows(new FlowList([.. flows], [], 12_345), Samples.Now) };

        Assert.Equal("  and 12,315 more, which were used longer ago", Render(Press(state, "G"))[22]);
        var filtered = Render(Press(state, "fIN\rf\b\b.29:\rG"));
        Assert.EndsWith("only '.29:'", filtered[0], StringComparison.Ordinal);
        Assert.Equal(
            [
                "  protocol  from                   to                     opened    idle",
                "  tcp       10.0.0.29:40112        10.0.0.1:22            in         29s",
            ],
            filtered.SkipWhile(l => !l.StartsWith("  protocol", StringComparison.Ordinal)).Take(2)
        );
    }

    private static FlowList RelayFlows(int count) =>
        new(
            [],
            [.. Enumerable.Range(0, count).Select(i => RelaySamples.Flow((uint)i, $"198.51.100.{i}:5000", i))],
            (uint)count
        );

    [Fact]
    public void A_question_shows_the_whole_fingerprint()
    {
        var text = string.Join('\n', Render(Press(TopSamples.State(), "a")));

        Assert.Contains($"Let in {RelaySamples.Key} from 192.0.2.7:40112\nat dns?", text, StringComparison.Ordinal);
        Assert.Contains("y yes, and when it comes back  o only this connection  n no", text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_selected_row_is_in_view_however_many_there_are()
    {
        var lines = Render(Press(TopSamples.WithTunnels(100), "G"));

        Assert.Single(lines, l => l.StartsWith("> t99", StringComparison.Ordinal));
    }

    [Fact]
    public void A_wide_terminal_has_longer_names_and_more_history()
    {
        var state = TopSamples.WithTunnels(1);
        for (var i = 1; i < 200; i++)
        {
            var tunnel = state.Live.Inventory.Tunnels[0].Clone();
            tunnel.Counters.BytesOut += (ulong)(i * 1000);
            state = state with { Live = state.Live.With(new(([tunnel]), []), Samples.Now.AddSeconds(i)) };
        }

        var row = Render(state, new TerminalSize(160, 24))[3];

        Assert.Equal(160, TerminalText.Columns(row));
    }

    [Fact]
    public void A_filter_that_matches_nothing_says_so() =>
        Assert.Contains("  Nothing matches the filter; Esc clears it.", Render(Press(TopSamples.State(), "fzzz\r")));

    [Fact]
    public void Help_fits_a_small_terminal() =>
        Assert.Contains(Render(Press(TopSamples.State(), "?")), l => l.StartsWith("  RATE ", StringComparison.Ordinal));

    [Fact]
    public void Any_state_fits_any_terminal_and_nothing_acts_on_it() =>
        Property.ForAll<int>(seed =>
        {
            var random = new Random(seed);
            var size = new TerminalSize(random.Next(0, 300), random.Next(0, 60));
            var lines = Render(TopSamples.Any(seed), size);
            return lines.Count <= size.Rows
                && lines.All(l => TerminalText.Columns(l) <= size.Columns && !l.Any(char.IsControl));
        });

    [Fact]
    public void Colours_are_all_that_colour_adds() =>
        Property.ForAll<int>(
            seed =>
            {
                var state = TopSamples.Any(seed);
                var coloured = View(colour: true).Render(state, Size).ToString();
                foreach (var code in Codes)
                {
                    coloured = coloured.Replace($"\x1b[{code}m", "", StringComparison.Ordinal);
                }

                return coloured.Split('\n').Select(l => l.TrimEnd()).SequenceEqual([.. Render(state), ""]);
            },
            cases: 200
        );

    private static TopState Press(TopState state, string keys) => TopKeysTests.Press(state, keys).State;

    private static IReadOnlyList<string> Render(TopState state, TerminalSize? size = null) =>
        [.. View(colour: false).Render(state, size ?? Size).Lines()];

    private static TopView View(bool colour) => new(colour, new Graph(blocks: true), new UtcClock());

    private sealed class UtcClock : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;
    }
}
