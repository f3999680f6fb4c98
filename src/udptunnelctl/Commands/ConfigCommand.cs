// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using UdpTunnel.Cli.Completion;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>config</c>: the configuration of what runs.</summary>
internal sealed class ConfigCommand(Invocation invocation)
{
    [Command(Description = "Print the configuration that a tunnel or relay runs with. It can be given to 'up' again.")]
    [Example("udptunnelctl config home")]
    [Example("udptunnelctl config wg0 --wg-quick --secrets > wg0.conf")]
    public async Task RunAsync(
        [Argument("NAME", Description = "Name of the tunnel or relay")]
        [CompletedFrom(CompletionSource.TunnelsAndRelays)]
            string name,
        [Option("wg-quick", Description = "As a file of wg-quick; only of a secure tunnel")] bool wgQuick,
        [Option("secrets", Description = "With keys and PacketMagic, which are hidden otherwise; for operators only")]
            bool secrets
    )
    {
        invocation.Names = [name];
        var format = wgQuick ? ConfigurationFormat.WgQuick : ConfigurationFormat.Json;
        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
        string text;
        if (secrets)
        {
            var answer = await daemon
                .Daemon.RevealConfigurationAsync(
                    new RevealConfigurationRequest { Name = name, Format = format },
                    invocation.LookCall
                )
                .ResponseAsync.ConfigureAwait(false);
            text = answer.Configuration;
        }
        else
        {
            var answer = await daemon
                .Daemon.GetConfigurationAsync(
                    new GetConfigurationRequest { Name = name, Format = format },
                    invocation.LookCall
                )
                .ResponseAsync.ConfigureAwait(false);
            text = answer.Configuration;
        }

        if (invocation.Json)
        {
            invocation.PrintJson(writer =>
            {
                writer.WriteString("name", name);
                writer.WriteString("format", wgQuick ? "wg_quick" : "json");
                writer.WriteString("configuration", text);
            });
            return;
        }

        // What a terminal does not simply draw is escaped there; a file gets every character as it is.
        var onTerminal = invocation.Host.Terminal.OutputIsTerminal;
        foreach (var line in text.TrimEnd('\n').Split('\n'))
        {
            invocation.Host.Output.Write((onTerminal ? TerminalText.Escape(line) : line) + "\n");
        }
    }
}
