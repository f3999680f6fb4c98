// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Daemon;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary>How a running tunnel or relay differs from a configuration, and whether it was made equal.</summary>
/// <param name="Kind"><c>tunnel</c> or <c>relay</c>.</param>
/// <param name="Changes">The fields that differ.</param>
/// <param name="Applied">Whether they were applied.</param>
/// <param name="Warnings">Remarks about the text.</param>
internal sealed record Difference(
    string Kind,
    IReadOnlyList<Change> Changes,
    bool Applied,
    IReadOnlyList<UdpTunnel.V1.Diagnostic> Warnings
)
{
    /// <summary>Something has to restart for it.</summary>
    public bool NeedsRestart => Changes.Any(c => c.NeedsRestart);

    /// <summary>Asks how they differ; nothing is changed.</summary>
    /// <exception cref="Grpc.Core.RpcException">The call failed; there is none of that name, for example.</exception>
    public static Task<Difference> FindAsync(
        Invocation invocation,
        DaemonConnection daemon,
        string name,
        Wanted wanted
    ) => ReloadAsync(invocation, daemon, name, wanted, dryRun: true, allowRestart: false);

    /// <summary>Makes them equal.</summary>
    /// <exception cref="Grpc.Core.RpcException">The call failed; everything is as it was.</exception>
    public Task<Difference> ApplyAsync(Invocation invocation, DaemonConnection daemon, string name, Wanted wanted) =>
        ReloadAsync(invocation, daemon, name, wanted, dryRun: false, NeedsRestart);

    private static async Task<Difference> ReloadAsync(
        Invocation invocation,
        DaemonConnection daemon,
        string name,
        Wanted wanted,
        bool dryRun,
        bool allowRestart
    )
    {
        if (wanted.IsRelay)
        {
            var relay = new ReloadRelayRequest
            {
                Name = name,
                Configuration = wanted.Text,
                DryRun = dryRun,
                AllowRestart = allowRestart,
            };
            var changed = await daemon
                .Relays.ReloadRelayAsync(relay, invocation.ChangeCall)
                .ResponseAsync.ConfigureAwait(false);
            return new Difference("relay", changed.Changes, changed.Applied, changed.Warnings);
        }

        var tunnel = new ReloadTunnelRequest
        {
            Name = name,
            Configuration = wanted.Text,
            DryRun = dryRun,
            AllowRestart = allowRestart,
        };
        var answer = await daemon
            .Tunnels.ReloadTunnelAsync(tunnel, invocation.ChangeCall)
            .ResponseAsync.ConfigureAwait(false);
        return new Difference("tunnel", answer.Changes, answer.Applied, answer.Warnings);
    }
}
