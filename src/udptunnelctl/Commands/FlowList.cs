// SPDX-License-Identifier: BSD-3-Clause

using Grpc.Core;
using UdpTunnel.Cli.Daemon;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary>The flows of one tunnel or relay.</summary>
/// <param name="OfTunnel">The one that was used last first.</param>
/// <param name="OfRelay">The one that was used last first.</param>
/// <param name="Total">How many there are, listed or not.</param>
internal sealed record FlowList(IReadOnlyList<TunnelFlow> OfTunnel, IReadOnlyList<RelayFlow> OfRelay, uint Total)
{
    /// <summary>No flows.</summary>
    public static readonly FlowList Empty = new([], [], 0);

    /// <summary>Asks for them. A daemon that does not list those of tunnels has none.</summary>
    /// <exception cref="RpcException">A call failed, for example because the name is gone.</exception>
    public static async Task<FlowList> ReadAsync(
        DaemonConnection daemon,
        string name,
        bool isRelay,
        CallOptions options
    )
    {
        if (isRelay)
        {
            var answer = await daemon
                .Relays.ListFlowsAsync(new ListFlowsRequest { Name = name }, options)
                .ResponseAsync.ConfigureAwait(false);
            // A daemon of before lists all and has no total.
            return new FlowList([], answer.Flows, Math.Max(answer.Total, (uint)answer.Flows.Count));
        }

        try
        {
            var answer = await daemon
                .Tunnels.ListTunnelFlowsAsync(new ListTunnelFlowsRequest { Name = name }, options)
                .ResponseAsync.ConfigureAwait(false);
            return new FlowList(answer.Flows, [], answer.Total);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Unimplemented)
        {
            return Empty;
        }
    }
}
