// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf.WellKnownTypes;
using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli;

public sealed class ViewTests
{
    private static readonly DateTimeOffset Now = Samples.Now;
    private static readonly string[] Codes = ["0", "1", "31", "32", "33"];

    [Fact]
    public void The_status_of_a_running_server_fits_on_a_few_lines()
    {
        var screen = new Screen(colour: false);
        StatusView.Render(screen, [Samples.Server()], Now);

        Assert.Equal(
            """
            home: running, up 3 hours
              device    tun0, 10.0.0.1/24, MTU 1300
              mode      server on UDP port 8000
              peer      192.0.2.7:40112, heard 12 seconds ago
              now       out 1.20 Mbit/s, 120 packets/s; in 100 bit/s, 0.5 packets/s
              total     out 1.50 GiB, 1,234,567 packets; in 512 B, 1 packet
              dropped   no flow: 12 in, port not allowed: 3 in
              ports     22, 8000-8010

            """,
            screen.ToString()
        );
    }

    [Fact]
    public void The_status_tells_of_the_firewall()
    {
        var screen = new Screen(colour: false);
        var tunnel = Samples.Server();
        tunnel.Firewall = true;
        StatusView.Render(screen, [tunnel], Now);

        Assert.Contains(
            "ports     22, 8000-8010; guarded by an nftables table too\n",
            screen.ToString(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void A_waiting_client_is_told_what_to_look_at()
    {
        var screen = new Screen(colour: false);
        StatusView.Render(screen, [Samples.Client()], Now);
        var text = screen.ToString();

        Assert.StartsWith("office: waiting\n", text, StringComparison.Ordinal);
        Assert.Contains("client of vpn.example:8000, from UDP port 40112", text, StringComparison.Ordinal);
        Assert.Contains("203.0.113.5:8000, nothing heard yet", text, StringComparison.Ordinal);
        Assert.Contains("\n  hint      Nothing heard from the server yet.", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failed_tunnel_shows_its_problem_and_no_rates()
    {
        var screen = new Screen(colour: false);
        StatusView.Render(
            screen,
            [
                new Tunnel
                {
                    Name = "x",
                    State = TunnelState.Failed,
                    Problem = "port 8000 is in use",
                },
            ],
            Now
        );
        var text = screen.ToString();

        Assert.Contains("problem   port 8000 is in use", text, StringComparison.Ordinal);
        Assert.DoesNotContain("bit/s", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_tunnels_the_status_says_how_to_start_one()
    {
        var screen = new Screen(colour: false);
        StatusView.Render(screen, [], Now);

        Assert.StartsWith(
            "No tunnels and no relays.\nStart one with 'udptunnelctl up CONFIG.json'",
            screen.ToString(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Stats_show_every_counter_in_its_direction()
    {
        var screen = new Screen(colour: false);
        StatsView.Render(screen, [Samples.Server()], Now);
        var rows = screen
            .ToString()
            .Split('\n')
            .Select(l => string.Join(' ', l.Split(' ', StringSplitOptions.RemoveEmptyEntries)))
            .ToList();

        Assert.Contains("home: running, started 3 hours ago", rows);
        Assert.Contains("packets 1,234,567 1", rows);
        Assert.Contains("bytes 1,610,612,736 512", rows);
        Assert.Contains("heartbeats 0 40", rows);
        Assert.Contains("dropped: no flow 0 12", rows);
        Assert.Contains("flows 3 remembered", rows);
        Assert.Contains("offloads TUN TCP, UDP_SEGMENT, UDP_GRO", rows);
    }

    [Fact]
    public void Events_stand_with_their_time_and_are_folded_beside_it()
    {
        var screen = new Screen(colour: false);
        var happened = new Event
        {
            Time = Timestamp.FromDateTimeOffset(Now),
            Level = EventLevel.Warning,
            Tunnel = "home",
            Message = string.Concat(Enumerable.Repeat("moved ", 12)),
        };
        EventView.Render(screen, [happened], new UtcClock());

        Assert.Equal(
            "2026-03-04 12:00:00  warning: home: moved moved moved moved moved moved moved\n"
                + "                     moved moved moved moved moved\n",
            screen.ToString()
        );
    }

    [Fact]
    public void No_line_of_any_view_is_wider_than_80_columns() =>
        Property.ForAll<int>(seed =>
            Everything(seed, colour: false).Split('\n').All(l => TerminalText.Columns(l) <= 80)
        );

    [Fact]
    public void Nothing_that_acts_on_a_terminal_gets_through_any_view() =>
        Property.ForAll<int>(seed => Everything(seed, colour: false).All(c => c == '\n' || !char.IsControl(c)));

    [Fact]
    public void Colours_are_all_that_colour_adds() =>
        Property.ForAll<int>(seed =>
        {
            var plain = Everything(seed, colour: true);
            foreach (var code in Codes)
            {
                plain = plain.Replace($"\x1b[{code}m", "", StringComparison.Ordinal);
            }

            return plain == Everything(seed, colour: false);
        });

    private static string Everything(int seed, bool colour)
    {
        var random = new Random(seed);
        var tunnels = new[] { Samples.Any(seed), Samples.Any(seed + 1) };
        var warning = new Diagnostic
        {
            Severity = (Severity)random.Next(4),
            Line = random.Next(-1, 5),
            Field = Samples.Text(random),
            Message = Samples.Text(random),
        };
        var happened = new Event
        {
            Tunnel = Samples.Text(random),
            Message = Samples.Text(random),
            Level = (EventLevel)random.Next(6),
        };
        var change = new Change
        {
            Field = Samples.Text(random),
            Before = Samples.Text(random),
            After = Samples.Text(random),
        };
        var screen = new Screen(colour);
        StatusView.Render(screen, tunnels, Now);
        StatsView.Render(screen, tunnels, Now);
        StatsView.RenderLines(screen, tunnels, Now, new UtcClock());
        StartView.Render(screen, tunnels[0], [warning], Samples.Text(random), Now);
        EventView.Render(screen, [happened], new UtcClock());
        ChangeView.Render(screen, [change]);
        return screen.ToString();
    }

    private sealed class UtcClock : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;
    }
}
