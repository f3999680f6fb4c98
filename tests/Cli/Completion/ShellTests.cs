// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Cli.Live;
using UdpTunnel.Tests.Cli.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli.Completion;

/// <summary>The scripts in the real shells: Tab is pressed, and the line looked at.</summary>
public sealed class ShellTests
{
    private const string Bash = "source <(udptunnelctl completion bash)";
    private const string Zsh = "autoload -U compinit; compinit -u -D; source <(udptunnelctl completion zsh)";
    private const string Fish = "udptunnelctl completion fish | source";

    [Theory]
    [InlineData("bash", Bash)]
    [InlineData("zsh", Zsh)]
    [InlineData("fish", Fish)]
    public async Task Tab_completes_commands_names_senders_and_files(string shell, string load)
    {
        await using var server = await FakeServer.StartAsync();
        CompleterTests.Fill(server);
        server.File("tunnel-file.json", "{}");

        await CompletesAsync(
            server,
            shell,
            load,
            ("udptunnelctl appr", "udptunnelctl approve"),
            ("udptunnelctl down of", "udptunnelctl down office"),
            ("udptunnelctl approve SHA256:47", $"udptunnelctl approve {RelaySamples.Key}"),
            ("udptunnelctl approve 192.0.2.8:", "udptunnelctl approve 192.0.2.8:1"),
            ("udptunnelctl up tunnel-f", "udptunnelctl up tunnel-file.json"),
            ("udptunnelctl relay sender --proto", "udptunnelctl relay sender --protocol")
        );
    }

    /// <summary>A key has all characters of base64, of which shells mean some.</summary>
    [Theory]
    [InlineData("bash", Bash)]
    [InlineData("zsh", Zsh)]
    [InlineData("fish", Fish)]
    public async Task Tab_completes_the_keys_of_peers_that_wait_and_the_names_of_those_that_do_not(
        string shell,
        string load
    )
    {
        const string Key = "rHv8w/io+HacABO02O2GlFbUs5OMfrtvbNV+IbWr8DE=";
        const string Other = "r/+8AB7+DkNgUz/JEqNcIi6S6kWmmqTYmJm+n1zrqFA=";
        await using var server = await FakeServer.StartAsync();
        CompleterTests.Fill(server);
        server.Daemon.ListTunnelPeers = _ =>
            Task.FromResult(new ListTunnelPeersResponse { Peers = { Waiting(Key), Waiting(Other), Samples.Laptop() } });

        await CompletesAsync(
            server,
            shell,
            load,
            ("udptunnelctl approve rHv8", $"udptunnelctl approve {Key}"),
            ("udptunnelctl approve rHv8w/io+", $"udptunnelctl approve {Key}"),
            ("udptunnelctl deny r/+", $"udptunnelctl deny {Other}"),
            ("udptunnelctl revoke lap", "udptunnelctl revoke laptop"),
            ("udptunnelctl ping lap", "udptunnelctl ping laptop")
        );
    }

    private static TunnelPeer Waiting(string key) =>
        new()
        {
            Tunnel = "wg0",
            PublicKey = key,
            State = PeerState.Pending,
            Endpoint = "192.0.2.9:51820",
        };

    private static async Task CompletesAsync(
        FakeServer server,
        string shell,
        string load,
        params (string Typed, string Completed)[] lines
    )
    {
        await using var terminal = await TmuxTerminal.StartAsync(server, shell, columns: 160);
        await terminal.RunAsync($"cd {Path.GetDirectoryName(server.SocketPath)}; {load}; echo loa''ded");
        await terminal.UntilAsync("loaded");
        foreach (var (typed, completed) in lines)
        {
            await terminal.TypeAsync(typed);
            await terminal.PressAsync("Tab");
            await terminal.UntilAsync(completed);
            await terminal.PressAsync("C-u");
            await terminal.UntilAsync(s => !s.Any(l => l.Contains(completed, StringComparison.Ordinal)));
        }
    }
}
