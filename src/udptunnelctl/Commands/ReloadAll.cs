// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Daemon;
using UdpTunnel.Cli.Failures;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary>
/// <c>reload --all</c>: shows what the daemon's configuration directory asks for, and lets it be applied.
/// </summary>
internal static class ReloadAll
{
    /// <exception cref="CommandException">Nobody agreed to what it interrupts, or a file was not applied.</exception>
    public static async Task RunAsync(Invocation invocation, bool dryRun, bool yes)
    {
        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
        var planned = await CallAsync(invocation, daemon, new ReloadDirectoryRequest { DryRun = true })
            .ConfigureAwait(false);
        await new PlannedChanges(invocation, mayInterrupt =>
            CallAsync(invocation, daemon, new ReloadDirectoryRequest { AllowRestart = mayInterrupt })
        )
            .RunAsync(planned, dryRun, yes)
            .ConfigureAwait(false);
    }

    private static async Task<IReadOnlyList<FileOutcome>> CallAsync(
        Invocation invocation,
        DaemonConnection daemon,
        ReloadDirectoryRequest request
    ) =>
        (
            await daemon.Daemon.ReloadDirectoryAsync(request, invocation.ChangeCall).ResponseAsync.ConfigureAwait(false)
        ).Outcomes;
}
