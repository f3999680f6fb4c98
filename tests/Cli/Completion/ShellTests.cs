using UdpTunnel.Tests.Cli.Live;
using UdpTunnel.Tests.Cli.Relays;

namespace UdpTunnel.Tests.Cli.Completion;

/// <summary>The scripts in the real shells: Tab is pressed, and the line looked at.</summary>
public sealed class ShellTests
{
    [Theory]
    [InlineData("bash", "source <(udptunnelctl completion bash)")]
    [InlineData("zsh", "autoload -U compinit; compinit -u -D; source <(udptunnelctl completion zsh)")]
    [InlineData("fish", "udptunnelctl completion fish | source")]
    public async Task Tab_completes_commands_names_senders_and_files(string shell, string load)
    {
        await using var server = await FakeServer.StartAsync();
        CompleterTests.Fill(server);
        server.File("tunnel-file.json", "{}");
        await using var terminal = await TmuxTerminal.StartAsync(server, shell, columns: 160);
        await terminal.RunAsync($"cd {Path.GetDirectoryName(server.SocketPath)}; {load}; echo loa''ded");
        await terminal.UntilAsync("loaded");

        await CompletesAsync("udptunnelctl appr", "udptunnelctl approve");
        await CompletesAsync("udptunnelctl down of", "udptunnelctl down office");
        await CompletesAsync("udptunnelctl approve SHA256:47", $"udptunnelctl approve {RelaySamples.Key}");
        await CompletesAsync("udptunnelctl approve 192.0.2.8:", "udptunnelctl approve 192.0.2.8:1");
        await CompletesAsync("udptunnelctl up tunnel-f", "udptunnelctl up tunnel-file.json");
        await CompletesAsync("udptunnelctl relay sender --proto", "udptunnelctl relay sender --protocol");

        async Task CompletesAsync(string typed, string completed)
        {
            await terminal.TypeAsync(typed);
            await terminal.PressAsync("Tab");
            await terminal.UntilAsync(completed);
            await terminal.PressAsync("C-u");
            await terminal.UntilAsync(s => !s.Any(l => l.Contains(completed, StringComparison.Ordinal)));
        }
    }
}
