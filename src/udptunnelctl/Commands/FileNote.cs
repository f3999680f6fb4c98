// SPDX-License-Identifier: BSD-3-Clause

using Grpc.Core;
using UdpTunnel.Cli.Daemon;

namespace UdpTunnel.Cli.Commands;

/// <summary>
/// What is to be known before a command changes something that a file of the daemon's configuration directory
/// describes: the file does not change with it.
/// </summary>
internal static class FileNote
{
    /// <summary>Says on standard error that a change will not last, where it will not.</summary>
    public static async Task WarnAsync(Invocation invocation, DaemonConnection daemon, string name)
    {
        Inventory inventory;
        try
        {
            inventory = await Inventory
                .ReadAsync(daemon, Invocation.LookTimeout, invocation.Cancellation)
                .ConfigureAwait(false);
        }
        catch (RpcException)
        {
            // A courtesy; the change has a failure of its own to tell.
            return;
        }

        if (inventory.Entries.FirstOrDefault(e => e.Name == name) is { } entry)
        {
            await WarnAsync(invocation, entry).ConfigureAwait(false);
        }
    }

    /// <inheritdoc cref="WarnAsync(Invocation, DaemonConnection, string)"/>
    public static Task WarnAsync(Invocation invocation, InventoryEntry entry) =>
        entry.File.Length == 0
            ? Task.CompletedTask
            : invocation.Host.Error.WriteLineAsync(
                $"{TerminalText.Escape(entry.Name)} comes from {TerminalText.Escape(entry.File)}, which does not change "
                    + "with it and counts again at the next reload or start: write it there as well"
            );
}
