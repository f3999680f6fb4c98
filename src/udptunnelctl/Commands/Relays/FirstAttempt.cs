// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Daemon;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands.Relays;

/// <summary>
/// Waits a moment for the result of a sender's first attempt to reach its receiver. Whoever starts a sender wants to
/// read that it waits for approval, or why it does not; that it tries tells nothing.
/// </summary>
internal static class FirstAttempt
{
    /// <summary>Enough for a connection and a handshake to anywhere that answers.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50);

    /// <summary>Waits; that nobody answers in time is no error, since the sender goes on.</summary>
    /// <param name="invocation">What was asked for.</param>
    /// <param name="daemon">Who is asked.</param>
    /// <param name="relay">The relay as it was when it started; a receiver is not waited for.</param>
    /// <param name="timeout">The longest that the command may wait, if that is less.</param>
    /// <returns>The relay as it is then.</returns>
    /// <exception cref="Grpc.Core.RpcException">It is gone, or the daemon is.</exception>
    public static async Task<Relay> ResultAsync(
        Invocation invocation,
        DaemonConnection daemon,
        Relay relay,
        TimeSpan timeout
    )
    {
        var limit = timeout < Limit ? timeout : Limit;
        var time = invocation.Host.Time;
        var start = time.GetTimestamp();
        while (IsUndecided(relay) && time.GetElapsedTime(start) < limit)
        {
            await Task.Delay(Interval, time, invocation.Cancellation).ConfigureAwait(false);
            var list = await daemon
                .Relays.ListRelaysAsync(new ListRelaysRequest { Names = { relay.Name } }, invocation.LookCall)
                .ResponseAsync.ConfigureAwait(false);
            relay = list.Relays.FirstOrDefault() ?? relay;
        }

        return relay;
    }

    private static bool IsUndecided(Relay relay) =>
        relay is { Role: RelayRole.Sender, State: RelayState.Connecting, Problem: "" };
}
