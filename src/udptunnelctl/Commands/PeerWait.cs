// SPDX-License-Identifier: BSD-3-Clause

using Grpc.Core;
using UdpTunnel.Cli.Daemon;
using UdpTunnel.Cli.Failures;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary>Waits until the other end of a tunnel was heard.</summary>
internal static class PeerWait
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    /// <summary>Waits.</summary>
    /// <param name="invocation">What was asked for.</param>
    /// <param name="daemon">Who is asked.</param>
    /// <param name="name">The tunnel.</param>
    /// <param name="limit">How long.</param>
    /// <returns>The tunnel as it is then.</returns>
    /// <exception cref="CommandException">
    /// Nobody was heard in time; the tunnel goes on (<see cref="ExitCode.TimedOut"/>).
    /// </exception>
    public static async Task<Tunnel> UntilHeardAsync(
        Invocation invocation,
        DaemonConnection daemon,
        string name,
        TimeSpan limit
    )
    {
        var time = invocation.Host.Time;
        var start = time.GetTimestamp();
        while (true)
        {
            var list = await daemon
                .Tunnels.ListTunnelsAsync(new ListTunnelsRequest { Names = { name } }, invocation.LookCall)
                .ResponseAsync.ConfigureAwait(false);
            if (list.Tunnels is [{ State: TunnelState.Running } tunnel])
            {
                return tunnel;
            }

            if (time.GetElapsedTime(start) >= limit)
            {
                throw new CommandException(
                    ExitCode.TimedOut,
                    "not_heard",
                    $"{name} is up, but the other end was not heard in time"
                )
                {
                    Advice = $"It goes on trying. 'udptunnelctl doctor {name}' says what may be the reason.",
                };
            }

            await KnockAsync(invocation, daemon, list.Tunnels.FirstOrDefault()).ConfigureAwait(false);
            await Task.Delay(Interval, time, invocation.Cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// A peer of a secure tunnel is called when there is something to send: an echo request is that, answered or not.
    /// </summary>
    private static async Task KnockAsync(Invocation invocation, DaemonConnection daemon, Tunnel? tunnel)
    {
        if (tunnel?.Peers.FirstOrDefault(peer => peer.Endpoint.Length > 0) is not { } peer)
        {
            return;
        }

        var request = new PingPeerRequest
        {
            Tunnel = tunnel.Name,
            Peer = peer.PublicKey,
            Timeout = Google.Protobuf.WellKnownTypes.Duration.FromTimeSpan(Interval),
        };
        try
        {
            await daemon.Tunnels.PingPeerAsync(request, invocation.LookCall).ResponseAsync.ConfigureAwait(false);
        }
        catch (RpcException)
        {
            // It has no inner address, or is gone, which the next look shows.
        }
    }
}
