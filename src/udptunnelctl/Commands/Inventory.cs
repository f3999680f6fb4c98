// SPDX-License-Identifier: BSD-3-Clause

using Grpc.Core;
using UdpTunnel.Cli.Daemon;
using UdpTunnel.Cli.Failures;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary>What runs: tunnels and relays, which share one name space.</summary>
/// <param name="Tunnels">In the order of their names.</param>
/// <param name="Relays">In the order of their names.</param>
internal sealed record Inventory(IReadOnlyList<Tunnel> Tunnels, IReadOnlyList<Relay> Relays)
{
    /// <summary>All, with the file of the daemon's configuration directory that each comes from, or empty.</summary>
    public IEnumerable<InventoryEntry> Entries =>
        Tunnels
            .Select(t => new InventoryEntry(t.Name, t.File, t.Ephemeral, IsRelay: false))
            .Concat(Relays.Select(r => new InventoryEntry(r.Name, r.File, r.Ephemeral, IsRelay: true)));

    /// <summary>Of all.</summary>
    public IEnumerable<string> Names => Entries.Select(e => e.Name);

    /// <summary>Asks for everything. A daemon that knows no relays has none.</summary>
    /// <exception cref="RpcException">A call failed.</exception>
    public static async Task<Inventory> ReadAsync(
        DaemonConnection daemon,
        TimeSpan timeout,
        CancellationToken cancellation
    )
    {
        var options = Invocation.Within(timeout, cancellation);

        // Both on their way at once: the whole command takes no longer than a few such turns.
        using var tunnels = daemon.Tunnels.ListTunnelsAsync(new ListTunnelsRequest(), options);
        using var relays = daemon.Relays.ListRelaysAsync(new ListRelaysRequest(), options);
        var listed = await tunnels.ResponseAsync.ConfigureAwait(false);
        try
        {
            return new Inventory(listed.Tunnels, (await relays.ResponseAsync.ConfigureAwait(false)).Relays);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Unimplemented)
        {
            return new Inventory(listed.Tunnels, []);
        }
    }

    /// <summary>Only what has one of these names; everything if there are none.</summary>
    /// <exception cref="CommandException">Nothing has one of them.</exception>
    public Inventory Select(IReadOnlyList<string> names)
    {
        if (names.Count == 0)
        {
            return this;
        }

        var known = Names.ToHashSet(StringComparer.Ordinal);
        foreach (var name in names)
        {
            if (!known.Contains(name))
            {
                throw NoSuchName(name, Names);
            }
        }

        return new Inventory(
            [.. Tunnels.Where(t => names.Contains(t.Name))],
            [.. Relays.Where(r => names.Contains(r.Name))]
        );
    }

    /// <summary>The failure for a name that nothing has, with the nearest one suggested.</summary>
    public CommandException NoSuchName(string name) => NoSuchName(name, Names);

    private static CommandException NoSuchName(string name, IEnumerable<string> known)
    {
        const string Advice = "'udptunnelctl status' lists what there is.";
        return new CommandException(ExitCode.NoSuchThing, "no_such_tunnel", $"there is no tunnel or relay '{name}'")
        {
            Advice = NearestName.Of(name, known) is { } nearest ? $"Did you mean '{nearest}'? {Advice}" : Advice,
        };
    }
}

/// <summary>A tunnel or a relay.</summary>
/// <param name="Name">Its name.</param>
/// <param name="File">Where it comes from; empty if a command started it.</param>
/// <param name="IsEphemeral">Whether it is forgotten when the daemon ends.</param>
/// <param name="IsRelay">Which of both.</param>
internal sealed record InventoryEntry(string Name, string File, bool IsEphemeral, bool IsRelay)
{
    /// <summary>Stops it.</summary>
    /// <exception cref="RpcException">The call failed.</exception>
    public async Task StopAsync(Invocation invocation, DaemonConnection daemon)
    {
        if (IsRelay)
        {
            _ = await daemon
                .Relays.StopRelayAsync(new StopRelayRequest { Name = Name }, invocation.ChangeCall)
                .ResponseAsync.ConfigureAwait(false);
        }
        else
        {
            _ = await daemon
                .Tunnels.StopTunnelAsync(new StopTunnelRequest { Name = Name }, invocation.ChangeCall)
                .ResponseAsync.ConfigureAwait(false);
        }
    }
}
