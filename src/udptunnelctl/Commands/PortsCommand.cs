// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using Google.Protobuf.Collections;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>ports</c>: shows or changes which ports may be reached through a running tunnel.</summary>
internal sealed class PortsCommand(Invocation invocation)
{
    [Command(Description = "Show or change the ports that may be reached through a running tunnel. No packet is lost.")]
    [Example("udptunnelctl ports home")]
    [Example("udptunnelctl ports home allow 80 8000-8010")]
    [Example("udptunnelctl ports home deny 23 allow 22")]
    public async Task RunAsync(
        [Argument("NAME", Description = "Name of the tunnel"), CompletedFrom(CompletionSource.Tunnels)] string name,
        [Argument(
            "allow|deny PORT",
            Description = "What to change; a PORT is 22 or 8000-8010. Without it the ports are shown"
        )]
        [CompletedFrom(CompletionSource.PortChanges)]
            string[]? changes
    )
    {
        string[] words = changes ?? [];
        var request = new UpdatePortsRequest { Name = name };
        Read(words, request);
        invocation.Names = [name];
        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
        RepeatedField<PortRange> ports;
        if (words.Length == 0)
        {
            // Looking must not need the right to change, which UpdatePorts does even when it only asks.
            var list = await daemon
                .Tunnels.ListTunnelsAsync(new ListTunnelsRequest { Names = { name } }, invocation.LookCall)
                .ResponseAsync.ConfigureAwait(false);
            ports = list.Tunnels.Count > 0 ? list.Tunnels[0].AllowedPorts : [];
        }
        else
        {
            await FileNote.WarnAsync(invocation, daemon, name).ConfigureAwait(false);
            var answer = await daemon
                .Tunnels.UpdatePortsAsync(request, invocation.ChangeCall)
                .ResponseAsync.ConfigureAwait(false);
            ports = answer.AllowedPorts;
        }

        if (invocation.Json)
        {
            invocation.PrintJson(writer =>
            {
                writer.WriteString("tunnel", name);
                TunnelJson.WritePorts(writer, "allowedPorts", ports);
            });
            return;
        }

        var allowed = ports.Count > 0 ? $"TCP and UDP ports {TunnelText.Ports(ports)}" : "no ports";
        invocation.Print(invocation.NewScreen().Paragraph($"{name} allows {allowed}"));
    }

    /// <summary>Reads <c>allow 80 8000-8010 deny 23</c> into a request.</summary>
    private static void Read(string[] words, UpdatePortsRequest request)
    {
        RepeatedField<PortRange>? target = null;
        var last = "";
        foreach (var word in words)
        {
            if (word is "allow" or "deny")
            {
                RequirePorts(last);
                target = word == "allow" ? request.Allow : request.Deny;
            }
            else if (target is null)
            {
                throw Usage($"'{word}' is neither 'allow' nor 'deny'");
            }
            else if (Config.PortRange.TryParse(word, out var range, out var error))
            {
                target.Add(new PortRange { First = range.First, Last = range.Last });
            }
            else
            {
                throw Usage(error);
            }

            last = word;
        }

        RequirePorts(last);
    }

    private static void RequirePorts(string last)
    {
        if (last is "allow" or "deny")
        {
            throw Usage($"'{last}' needs a port");
        }
    }

    private static Failures.CommandException Usage(string message) =>
        UsageFailure.Usage(message, "For example: udptunnelctl ports home allow 80 8000-8010");
}
