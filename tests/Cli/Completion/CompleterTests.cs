// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Commands;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Tests.Cli.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli.Completion;

public sealed class CompleterTests
{
    [Theory]
    [InlineData("sta", "stats status")]
    [InlineData("relay ", "accept-key receiver sender")]
    [InlineData("completion ", "bash fish zsh")]
    [InlineData("completion z", "zsh")]
    [InlineData("relay receiver --protocol ", "classic tls")]
    [InlineData("relay receiver --pro", "--protocol")]
    [InlineData("status --js", "--json")]
    [InlineData("up ", ":files")]
    [InlineData("check x", ":files")]
    [InlineData("--socket ", ":files")]
    [InlineData("down home ", "dns home office")]
    [InlineData("help re", "relay reload revoke")]
    [InlineData("help relay s", "sender")]
    [InlineData("help relay sender ", "")]
    [InlineData("relay sender --receiver-key x --pro", "--protocol --proxy-protocol")]
    [InlineData("version ", "")]
    [InlineData("nonsense ", "")]
    [InlineData("relay nonsense ", "")]
    [InlineData("down ", "dns home office")]
    [InlineData("status h", "home")]
    [InlineData("--json status h", "home")]
    [InlineData("stats home ", "dns home office")]
    [InlineData("ports ", "home office")]
    [InlineData("ports home ", "allow deny")]
    [InlineData("ports home allow 80 d", "deny")]
    [InlineData("reload ", "dns home office")]
    [InlineData("reload home ", ":files")]
    [InlineData("doctor ", "dns home office")]
    [InlineData("events ", "dns home office")]
    [InlineData("relay accept-key ", "dns")]
    [InlineData("deny ", RelaySamples.Key + " 192.0.2.8:1")]
    [InlineData("senders ", "dns")]
    [InlineData("approve ", RelaySamples.Key + " 192.0.2.8:1")]
    [InlineData("approve SHA256:47", RelaySamples.Key)]
    [InlineData("approve 192", "192.0.2.8:1")]
    [InlineData("revoke ", RelaySamples.OtherKey)]
    [InlineData("down -- -", "")]
    public async Task Each_place_has_what_may_stand_there(string line, string expected)
    {
        await using var server = await FakeServer.StartAsync();
        Fill(server);

        var run = await CommandRun.OfAsync(server, ["__complete", .. line.Split(' ')]);

        Assert.Equal(0, run.ExitCode);
        Assert.Equal("", run.Error.ToString());
        var words = run
            .Output.ToString()
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => l.Split('\t')[0]);
        Assert.Equal(
            expected.Split(' ', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal),
            words.Order(StringComparer.Ordinal)
        );
    }

    [Fact]
    public void Whatever_names_a_tunnel_relay_sender_or_peer_is_completed_with_those_there_are()
    {
        foreach (var command in Leaves(CommandTree.Root))
        {
            for (var i = 0; i < command.Arguments.Count; i++)
            {
                var isLive =
                    CompletedFromAttribute.Of(command, i)
                    is CompletionSource.Tunnels
                        or CompletionSource.Relays
                        or CompletionSource.TunnelsAndRelays
                        or CompletionSource.Pending
                        or CompletionSource.Approved;
                Assert.True(
                    isLive == (command.Arguments[i].Name is "NAME" or "TUNNEL" or "WHICH"),
                    $"{command.Name} {command.Arguments[i].Name}"
                );
            }
        }
    }

    [Fact]
    public async Task A_description_stands_behind_a_tab()
    {
        await using var server = await FakeServer.StartAsync();
        Fill(server);

        var run = await CommandRun.OfAsync(server, "__complete", "approve", "SHA");

        Assert.Equal($"{RelaySamples.Key}\tpending at dns, from 192.0.2.7:40112\n", run.Output.ToString());
    }

    [Theory]
    [InlineData("down", "")]
    [InlineData("approve", "")]
    [InlineData("--socket", "/nonexistent/s", "down", "")]
    public async Task Without_a_daemon_there_is_silence(params string[] words)
    {
        var run = await new CommandRun { Environment = { ["UDPTUNNEL_SOCKET"] = "/nonexistent/s" } }.RunAsync([
            "__complete",
            .. words,
        ]);

        Assert.Equal((0, "", ""), (run.ExitCode, run.Output.ToString(), run.Error.ToString()));
    }

    [Fact]
    public async Task The_socket_on_the_line_is_the_one_that_is_asked()
    {
        await using var server = await FakeServer.StartAsync();
        Fill(server);

        var run = await new CommandRun().RunAsync("__complete", "--socket", server.SocketPath, "ports", "o");

        Assert.StartsWith("office\t", run.Output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_that_would_act_on_the_shell_or_the_terminal_is_left_out()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Has(
            new Tunnel { Name = "a b" },
            new Tunnel { Name = "c\nd" },
            new Tunnel { Name = "e\x1b[2J" },
            new Tunnel { Name = "f" }
        );

        var run = await CommandRun.OfAsync(server, "__complete", "down", "");

        Assert.Equal("f\tunknown, unknown\n", run.Output.ToString());
    }

    [Theory]
    [InlineData("bash", "complete -F _udptunnelctl udptunnelctl")]
    [InlineData("zsh", "#compdef udptunnelctl")]
    [InlineData("fish", "complete -c udptunnelctl")]
    public async Task Each_shell_has_its_script(string shell, string part)
    {
        var run = await new CommandRun().RunAsync("completion", shell);

        Assert.Equal(0, run.ExitCode);
        Assert.Contains(part, run.Output.ToString(), StringComparison.Ordinal);
    }

    private static IEnumerable<CommandNode> Leaves(CommandNode node) =>
        node is CommandGroup group ? group.SelectMany(Leaves) : [node];

    /// <summary>Two tunnels, a relay, and senders of each kind.</summary>
    internal static void Fill(FakeServer server)
    {
        server.Daemon.Has(Samples.Server(), Samples.Client());
        server.Daemon.Has(RelaySamples.Receiver());
        var classic = RelaySamples.Sender(fingerprint: "");
        classic.Address = "192.0.2.8:1";
        server.Daemon.ListSenders = _ =>
            Task.FromResult(
                new ListSendersResponse
                {
                    Senders =
                    {
                        RelaySamples.Sender(),
                        classic,
                        RelaySamples.Sender(SenderState.Approved, RelaySamples.OtherKey),
                    },
                }
            );
    }
}
