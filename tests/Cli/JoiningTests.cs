// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using System.Text;
using UdpTunnel.Cli.Commands.Joining;
using UdpTunnel.Cli.Linux;
using UdpTunnel.Cli.Output;
using UdpTunnel.Config;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli;

/// <summary>A new tunnel, an invitation to it, and who joins.</summary>
public sealed class JoiningTests
{
    [Fact]
    public async Task A_new_tunnel_s_file_is_valid_without_a_remark_and_is_never_written_over_another()
    {
        await using var server = await FakeServer.StartAsync();
        var path = server.File("wg0.json");

        var run = await CommandRun.OfAsync(server, "new", "wg0", "--ports", "22,8000-8010", "--output", path);

        Assert.Equal(0, run.ExitCode);
        Assert.EndsWith($"Start it:        udptunnelctl up {path}\n", run.Output.ToString(), StringComparison.Ordinal);
        var text = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        var result = ConfigFile.Parse(text, "wg0");
        var config = Assert.IsType<TunnelConfig>(result.Configuration);
        Assert.Empty(result.Diagnostics);
        Assert.Equal((2, UnknownPeers.Ask), (config.TunnelAddresses.Count, config.UnknownPeers));
        Assert.Equal("22, 8000-8010", config.AllowedPorts.ToString());
        Assert.Null(config.PrivateKey);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));

        var again = await CommandRun.OfAsync(server, "new", "wg0", "--ports", "22", "--output", path);
        Assert.Equal(1, again.ExitCode);
        Assert.Contains("is there already", again.Error.ToString(), StringComparison.Ordinal);
        Assert.Equal(text, await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Both_ends_of_a_new_classic_tunnel_fit_together()
    {
        await using var server = await FakeServer.StartAsync();
        var name = Path.GetRelativePath(Environment.CurrentDirectory, server.File("c"));
        var here = NewTunnel.Classic("c", PortSet.All, HostPort.AnyPort.WithPort(8000), [], new Random(1));
        var other = NewTunnel.Classic("c", PortSet.All, HostPort.AnyPort.WithPort(8000), [], new Random(1));

        Assert.NotNull(here);
        Assert.NotEqual(here.Value.Server.PacketMagic, other!.Value.Server.PacketMagic);
        Assert.Equal(here.Value.Server.PacketMagic, here.Value.Client.PacketMagic);
        Assert.Equal(here.Value.Server.TunnelAddress.Network, here.Value.Client.TunnelAddress.Network);
        Assert.NotEqual(here.Value.Server.TunnelAddress, here.Value.Client.TunnelAddress);
        foreach (var config in (TunnelConfig[])[here.Value.Server, here.Value.Client])
        {
            Assert.Equal(config, ConfigFile.Parse(Encoding.UTF8.GetBytes(config.ToJson()), null).Configuration);
        }

        var run = await CommandRun.OfAsync(server, "new", name, "--classic", "--ports", "22");
        Assert.Equal(2, run.ExitCode);
    }

    [Theory]
    [InlineData("new", "wg0")]
    [InlineData("new", "wg0", "--ports", "0")]
    [InlineData("new", "wg0", "--ports", ",")]
    [InlineData("new", "a b", "--ports", "22")]
    [InlineData("new", "wg0", "--ports", "22", "--server", "x")]
    [InlineData("new", "wg0", "--ports", "22", "--classic", "--up")]
    [InlineData("join", "utj1_AAAA")]
    [InlineData("join", "nonsense")]
    [InlineData("invite", "wg0", "--expires", "1s")]
    public async Task What_cannot_be_done_is_wrong_usage(params string[] words)
    {
        await using var server = await FakeServer.StartAsync();
        var run = await CommandRun.OfAsync(server, words);
        Assert.Equal(2, run.ExitCode);
        Assert.Empty(server.Daemon.Requests);
    }

    [Fact]
    public async Task An_invitation_is_a_file_of_wg_quick_and_a_token_that_say_the_same()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.InvitePeer = _ => Task.FromResult(Samples.Invited());

        var run = await CommandRun.OfAsync(
            server,
            "invite",
            "wg0",
            "--name",
            "laptop",
            "--endpoint",
            "vpn.example.com"
        );
        var request = Assert.Single(server.Daemon.Requests.OfType<InvitePeerRequest>());
        Assert.Equal(("laptop", "vpn.example.com"), (request.Name, request.Endpoint));

        var file = ConfigFile.Parse(Encoding.UTF8.GetBytes(run.Output.ToString()), "wg0");
        var config = Assert.IsType<TunnelConfig>(file.Configuration);
        var only = await CommandRun.OfAsync(server, "invite", "wg0", "--token");
        Assert.True(JoinToken.TryParse(only.Output.ToString(), out var token, out var error), error);
        Assert.Equal(token.ToConfiguration().Peers, config.Peers);
        Assert.Equal(token.PrivateKey, config.PrivateKey);
        Assert.Contains(token.Reveal(), run.Output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_joins_starts_the_tunnel_of_the_token_and_waits_until_the_other_end_is_heard()
    {
        await using var server = await FakeServer.StartAsync();
        var asked = 0;
        server.Daemon.Start = _ => Task.FromResult(new StartTunnelResponse { Tunnel = Samples.Server() });
        server.Daemon.List = _ =>
        {
            var tunnel = Samples.Server();
            tunnel.State = ++asked < 3 ? TunnelState.Waiting : TunnelState.Running;
            return Task.FromResult(new ListTunnelsResponse { Tunnels = { tunnel } });
        };

        var run = await CommandRun.OfAsync(server, "join", Samples.Token, "--name", "office");

        Assert.Equal((0, 3), (run.ExitCode, asked));
        var request = Assert.Single(server.Daemon.Requests.OfType<StartTunnelRequest>());
        Assert.Equal("office", request.Name);
        Assert.Contains("\"Endpoint\": \"vpn.example.com:51820\"", request.Configuration, StringComparison.Ordinal);

        asked = -1000;
        var late = await CommandRun.OfAsync(server, "join", Samples.Token, "--timeout", "200ms");
        Assert.Equal(6, late.ExitCode);
    }

    [Fact]
    public async Task An_invitation_whose_time_is_over_is_not_tried()
    {
        await using var server = await FakeServer.StartAsync();
        Assert.True(JoinToken.TryParse(Samples.Token, out var token, out _));
        var old = token with { Until = Samples.Now.AddHours(-1) };

        var run = await CommandRun.OfAsync(server, "join", old.Reveal());

        Assert.Equal(1, run.ExitCode);
        Assert.Empty(server.Daemon.Requests);
    }

    [Fact]
    public void The_kernel_s_lists_of_routes_are_read()
    {
        Assert.Equal("10.1.0.0/16", $"{HostNetworks.V4("eth0\t0000010A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0")}");
        Assert.Equal("0.0.0.0/0", $"{HostNetworks.V4("eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0")}");
        Assert.Null(
            HostNetworks.V4("Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT")
        );
        Assert.Equal(
            "fd00:1::/64",
            $"{HostNetworks.V6("fd000001000000000000000000000000 40 00000000000000000000000000000000 00 x")}"
        );
        Assert.Null(HostNetworks.V6("x 40"));
        Assert.Equal(51822, NewTunnel.FreePort(51820, port => port > 51821));
        Assert.Equal(65535, NewTunnel.FreePort(65535, _ => false));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_QR_code_in_a_terminal_of_80_columns_is_read_by_a_reader_of_codes(bool colour)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/zbarimg"), "zbarimg is missing: apt-get install zbar-tools");
        Assert.True(JoinToken.TryParse(Samples.Token, out var token, out _));
        var text = QrCode.Shorten(
            UdpTunnel.Config.WgQuick.WgQuickWriter.Write(token.ToConfiguration(), showSecrets: true)
        );

        var drawing = QrCode.Draw(text, colour);

        var lines = drawing
            .Replace("\e[38;5;16;48;5;231m", "", StringComparison.Ordinal)
            .Replace("\e[0m", "", StringComparison.Ordinal)
            .TrimEnd('\n')
            .Split('\n');
        Assert.All(lines, line => Assert.InRange(line.Length, 21, 80));
        var path = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(
                path,
                Picture(lines, isInkDark: colour),
                TestContext.Current.CancellationToken
            );
            var start = new ProcessStartInfo(
                "zbarimg",
                ["--raw", "--quiet", "-Sdisable", "-Sqrcode.enable", $"pnm:{path}"]
            )
            {
                RedirectStandardOutput = true,
            };
            using var reader = Process.Start(start)!;
            var read = await reader.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            await reader.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(text.TrimEnd('\n'), read.TrimEnd('\n'));
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>What a camera sees, as a picture of the format PGM: 6 pixels a module, and light around.</summary>
    private static string Picture(string[] lines, bool isInkDark)
    {
        const int Scale = 6;
        const int Margin = 24;
        var columns = lines[0].Length;
        var width = (columns * Scale) + (2 * Margin);
        var height = (lines.Length * 2 * Scale) + (2 * Margin);
        var picture = new StringBuilder($"P2\n{width} {height}\n255\n");
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var (row, column) = ((y - Margin) / Scale, (x - Margin) / Scale);
                var isInside = y >= Margin && x >= Margin && row < lines.Length * 2 && column < columns;
                var ink = isInside && Ink(lines[row / 2][column], row % 2);
                picture.Append(!isInside || ink != isInkDark ? "255 " : "0 ");
            }

            picture.Append('\n');
        }

        return picture.ToString();
    }

    private static bool Ink(char block, int half) => block == '█' || (half == 0 ? block == '▀' : block == '▄');
}
