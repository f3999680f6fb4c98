// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Daemon;
using UdpTunnel.Cli.Output;
using UdpTunnel.Cli.Output.Peers;
using UdpTunnel.Cli.Output.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>status</c>: every tunnel and relay on one screen.</summary>
internal sealed class StatusCommand(Invocation invocation)
{
    [Command(Description = "Show each tunnel and relay: state, peer, age of the last packet, traffic, drops.")]
    [Example("udptunnelctl status")]
    [Example("udptunnelctl status home --json")]
    public async Task RunAsync(
        [Argument("NAME", Description = "Only this tunnel or relay, with its flows")]
        [CompletedFrom(CompletionSource.TunnelsAndRelays)]
            string? name
    )
    {
        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
        var inventory = await Inventory
            .ReadAsync(daemon, Invocation.LookTimeout, invocation.Cancellation)
            .ConfigureAwait(false);
        inventory = inventory.Select(name is null ? [] : [name]);
        var senders = await SendersAsync(daemon, inventory, invocation.Cancellation).ConfigureAwait(false);
        if (name is not null)
        {
            await ShowOneAsync(invocation, daemon, inventory, senders, invocation.Cancellation).ConfigureAwait(false);
            return;
        }

        var now = invocation.Host.Time.GetUtcNow();
        if (invocation.Json)
        {
            PrintJson(invocation, inventory, now);
            return;
        }

        var screen = invocation.NewScreen();
        Overview.Render(screen, inventory.Tunnels, inventory.Relays, senders, now);
        invocation.Print(screen);
    }

    /// <summary>One tunnel or relay with its flows.</summary>
    private static async Task ShowOneAsync(
        Invocation invocation,
        DaemonConnection daemon,
        Inventory one,
        IReadOnlyList<Sender> senders,
        CancellationToken cancellation
    )
    {
        var relay = one.Relays.Count > 0 ? one.Relays[0] : null;
        var flows = await FlowList
            .ReadAsync(
                daemon,
                one.Names.First(),
                relay is not null,
                Invocation.Within(Invocation.LookTimeout, cancellation)
            )
            .ConfigureAwait(false);
        var now = invocation.Host.Time.GetUtcNow();
        if (invocation.Json)
        {
            PrintJson(invocation, one, now, flows);
            return;
        }

        var screen = invocation.NewScreen();
        if (relay is not null)
        {
            RelayStatusView.RenderInFull(screen, relay, senders, flows.OfRelay, now);
        }
        else
        {
            StatusView.Render(screen, one.Tunnels, now);
            PeerView.RenderPending(screen, one.Tunnels, now);
            TunnelFlowView.Render(screen, flows.OfTunnel, flows.Total);
        }

        invocation.Print(screen);
    }

    /// <summary>The senders, if there are any that a person should hear of.</summary>
    private static async Task<IReadOnlyList<Sender>> SendersAsync(
        DaemonConnection daemon,
        Inventory inventory,
        CancellationToken cancellation
    )
    {
        var receivers = inventory
            .Relays.Where(r => r.PendingSenders > 0)
            .Select(r => r.Name)
            .ToHashSet(StringComparer.Ordinal);
        if (receivers.Count == 0)
        {
            return [];
        }

        var answer = await daemon
            .Relays.ListSendersAsync(new ListSendersRequest(), Invocation.Within(Invocation.LookTimeout, cancellation))
            .ResponseAsync.ConfigureAwait(false);
        return [.. answer.Senders.Where(s => receivers.Contains(s.Relay))];
    }

    private static void PrintJson(
        Invocation invocation,
        Inventory inventory,
        DateTimeOffset now,
        FlowList? flows = null
    ) =>
        invocation.PrintJson(writer =>
        {
            writer.WriteTime("time", now);
            TunnelJson.WriteAll(writer, "tunnels", inventory.Tunnels);
            RelayJson.WriteAll(writer, "relays", inventory.Relays);
            if (flows is not null && inventory.Relays.Count > 0)
            {
                RelayJson.WriteFlows(writer, "flows", flows.OfRelay);
            }
            else if (flows is not null)
            {
                TunnelJson.WriteFlows(writer, "flows", flows.OfTunnel);
            }
        });
}
