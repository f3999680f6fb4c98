// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output.Peers;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>peers</c>: the other ends of secure tunnels.</summary>
internal sealed class PeersCommand(Invocation invocation)
{
    [Command(
        Description = "Show the peers of secure tunnels: key, endpoint, last handshake, addresses, traffic, drops."
    )]
    [Example("udptunnelctl peers")]
    [Example("udptunnelctl peers wg0 --json | jq '.peers[] | select(.state == \"connected\") | .name'")]
    public async Task RunAsync(
        [Argument("TUNNEL", Description = "Only of this tunnel"), CompletedFrom(CompletionSource.Tunnels)]
            string? tunnel
    )
    {
        invocation.Names = tunnel is null ? [] : [tunnel];
        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
        var answer = await daemon
            .Tunnels.ListTunnelPeersAsync(new ListTunnelPeersRequest { Tunnel = tunnel ?? "" }, invocation.LookCall)
            .ResponseAsync.ConfigureAwait(false);
        if (invocation.Json)
        {
            invocation.PrintJson(writer =>
            {
                PeerJson.WriteAll(writer, "peers", answer.Peers);
                writer.WriteNumber("total", answer.Total);
            });
            return;
        }

        var screen = invocation.NewScreen();
        PeerView.Render(screen, answer.Peers, answer.Total, invocation.Host.Time.GetUtcNow());
        invocation.Print(screen);
    }
}
