// SPDX-License-Identifier: BSD-3-Clause

using Grpc.Core;
using UdpTunnel.Cli.Output;
using UdpTunnel.Cli.Output.Peers;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli;

/// <summary>What is seen of the peers of secure tunnels.</summary>
public sealed class PeersTests
{
    [Fact]
    public async Task Each_peer_is_shown_with_key_endpoint_addresses_and_traffic()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.ListTunnelPeers = _ =>
            Task.FromResult(new ListTunnelPeersResponse { Peers = { Samples.Laptop(), Samples.Phone() }, Total = 3 });

        var run = await CommandRun.OfAsync(server, "peers", "wg0");

        Assert.Equal("wg0", Assert.Single(server.Daemon.Requests.OfType<ListTunnelPeersRequest>()).Tunnel);
        Assert.Contains(
            "laptop: connected\n  tunnel    wg0\n  key       rHv8wSioPHacABO02O2GlFbUs5OMfrtvbNV+IbWr8DE=, and a",
            run.Output.ToString(),
            StringComparison.Ordinal
        );
        Assert.Contains("  allowed   10.99.0.2/32, fd00:99::2/128\n", run.Output.ToString(), StringComparison.Ordinal);
        Assert.Contains("; 3 made; 1 failed\n", run.Output.ToString(), StringComparison.Ordinal);
        Assert.Contains("  dropped   port not allowed: 3\n", run.Output.ToString(), StringComparison.Ordinal);
        Assert.Contains("RsR3QXga: waiting\n", run.Output.ToString(), StringComparison.Ordinal);
        Assert.Contains(
            "  handshake none yet; 0 made\n  allowed   no addresses\n  ports     22\n",
            run.Output.ToString(),
            StringComparison.Ordinal
        );
        Assert.EndsWith("and 1 more\n", run.Output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_peer_s_JSON_has_what_the_contract_names()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.ListTunnelPeers = _ =>
            Task.FromResult(new ListTunnelPeersResponse { Peers = { Samples.Laptop(), Samples.Phone() }, Total = 2 });

        var run = await CommandRun.OfAsync(server, "peers", "--json");

        var peers = run.Json.GetProperty("peers");
        Assert.Equal("laptop", peers[0].GetProperty("name").GetString());
        Assert.Equal("2026-03-04T11:59:18Z", peers[0].GetProperty("lastHandshake").GetString());
        Assert.Equal(System.Text.Json.JsonValueKind.Null, peers[1].GetProperty("lastHandshake").ValueKind);
        Assert.Equal(
            ["10.99.0.2/32", "fd00:99::2/128"],
            peers[0].GetProperty("allowedIPs").EnumerateArray().Select(a => a.GetString())
        );
        Assert.Equal(10_500, peers[0].GetProperty("counters").GetProperty("wireBytesOut").GetInt64());
    }

    [Fact]
    public void The_status_of_a_secure_tunnel_has_a_line_for_each_peer()
    {
        var screen = new Screen(colour: false);
        StatusView.Render(screen, [Samples.Secure()], Samples.Now);

        Assert.Equal(
            """
            wg0: running, up 3 hours
              device    wg0, 10.99.0.1/24, fd00:99::1/64, MTU 1420
              mode      secure, on UDP port 51820
              key       ZX68P+CFxAdSQ4XP2Y/J3tm09b7acv5z10ekIsTr800=
              peers     1 of 2 connected
              now       out 0 bit/s, 0 packets/s; in 0 bit/s, 0 packets/s
              total     out 9.77 KiB, 10 packets; in 1.95 KiB, 20 packets
              ports     all
              peer            state       endpoint                handshake     out      in
              laptop          connected   192.0.2.7:40112               42s   10.0k   2.00k
              RsR3QXga        waiting                                     -       0       0

            """,
            screen.ToString()
        );
    }

    [Fact]
    public void Statistics_have_the_same_lines()
    {
        var screen = new Screen(colour: false);
        StatsView.Render(screen, [Samples.Secure()], Samples.Now);

        Assert.Contains("  laptop          connected   192.0.2.7:40112", screen.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Of_many_peers_a_few_are_shown_and_the_others_counted()
    {
        var tunnel = Samples.Secure();
        tunnel.Peers.AddRange(Enumerable.Range(0, 40).Select(_ => Samples.Phone()));
        tunnel.PeerCount = 9_000;
        var screen = new Screen(colour: false);
        StatusView.Render(screen, [tunnel], Samples.Now);

        Assert.Contains("  peers     1 of 9,000 connected\n", screen.ToString(), StringComparison.Ordinal);
        Assert.EndsWith("  and 8,990 more: udptunnelctl peers wg0\n", screen.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void No_peer_however_broken_leaves_the_screen() =>
        Property.ForAll<int>(
            seed =>
            {
                var random = new Random(seed);
                var tunnel = Samples.Secure();
                tunnel.Peers.AddRange([Samples.AnyPeer(random), Samples.AnyPeer(random)]);
                var screen = new Screen(colour: false);
                PeerView.Render(screen, [.. tunnel.Peers], 7, Samples.Now);
                PeerView.RenderLines(screen, tunnel, 10, Samples.Now);
                Assert.DoesNotContain(screen.ToString(), c => char.IsControl(c) && c != '\n');
                return screen.Lines().All(l => TerminalText.Columns(l) <= Screen.Width);
            },
            cases: 200
        );

    [Fact]
    public async Task What_runs_is_printed_as_a_file_without_secrets_unless_asked_for()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.GetConfiguration = r =>
            Task.FromResult(new GetConfigurationResponse { Configuration = $"hidden {r.Format}\n" });
        server.Daemon.RevealConfiguration = r =>
            Task.FromResult(new RevealConfigurationResponse { Configuration = $"shown {r.Format}\n" });

        Assert.Equal("hidden Json\n", (await CommandRun.OfAsync(server, "config", "wg0")).Output.ToString());
        Assert.Equal(
            "hidden WgQuick\n",
            (await CommandRun.OfAsync(server, "config", "wg0", "--wg-quick")).Output.ToString()
        );
        Assert.Equal(
            "shown WgQuick\n",
            (await CommandRun.OfAsync(server, "config", "wg0", "--wg-quick", "--secrets")).Output.ToString()
        );
    }

    [Fact]
    public async Task Who_may_only_look_gets_no_secrets()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.RevealConfiguration = _ =>
            throw FakeDaemon.Error(StatusCode.PermissionDenied, "ROLE_REQUIRED", "you may only look");

        Assert.Equal(4, (await CommandRun.OfAsync(server, "config", "wg0", "--secrets")).ExitCode);
    }

    [Fact]
    public async Task A_wg_quick_file_is_checked_by_its_own_rules()
    {
        await using var server = await FakeServer.StartAsync();
        var file = server.File("wg0.conf", "[Interface]\nAddress = 10.99.0.1/24\nPostUp = iptables -A FORWARD\n");

        var run = await CommandRun.OfAsync(server, "check", file);

        Assert.Equal(2, run.ExitCode);
        Assert.Contains(
            "wg0.conf:3:10: PostUp: is refused: the daemon runs no commands",
            run.Error.ToString(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_wg_quick_file_is_sent_as_it_is_and_the_open_ports_are_told()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Start = _ => Task.FromResult(new StartTunnelResponse { Tunnel = Samples.Secure() });
        const string Text = "[Interface]\nAddress = 10.99.0.1/24\nListenPort = 51820\n";

        var run = await CommandRun.OfAsync(server, "up", server.File("wg0.conf", Text));

        var request = Assert.Single(server.Daemon.Requests.OfType<StartTunnelRequest>());
        Assert.Equal(("wg0", Text), (request.Name, request.Configuration));
        Assert.Contains(
            "AllowedPorts: is not given: peers reach all TCP and UDP",
            run.Output.ToString().ReplaceLineEndings(" "),
            StringComparison.Ordinal
        );
    }
}
