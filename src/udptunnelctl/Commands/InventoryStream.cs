// SPDX-License-Identifier: BSD-3-Clause

using Grpc.Core;
using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary>
/// Two watch streams of the same interval as one of snapshots: each waits for one message of both. A daemon that knows
/// no relays ends that stream at once; the other goes on alone.
/// </summary>
/// <param name="tunnels">Null if no tunnel is watched.</param>
/// <param name="relays">Null if no relay is watched.</param>
internal sealed class InventoryStream(
    IAsyncStreamReader<WatchTunnelsResponse>? tunnels,
    IAsyncStreamReader<WatchRelaysResponse>? relays
) : IAsyncStreamReader<Inventory>, IDisposable
{
    private CancellationTokenSource? _pair;

    /// <inheritdoc/>
    public Inventory Current { get; private set; } = new([], []);

    /// <summary>When the daemon took the current snapshot.</summary>
    public DateTimeOffset? Time { get; private set; }

    /// <inheritdoc/>
    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        _pair?.Dispose();
        _pair = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var relaysMoved = MoveRelaysAsync(_pair.Token);
        try
        {
            var tunnelsMoved = tunnels is null || await tunnels.MoveNext(_pair.Token).ConfigureAwait(false);
            if (!tunnelsMoved || !await relaysMoved.ConfigureAwait(false))
            {
                return false;
            }
        }
        catch
        {
            // Nobody looks at the other one any more.
            await _pair.CancelAsync().ConfigureAwait(false);
            throw;
        }

        Current = new Inventory(tunnels?.Current.Tunnels ?? [], relays?.Current.Relays ?? []);
        Time = TimeText.Of(tunnels?.Current.Time ?? relays?.Current.Time);
        return tunnels is not null || relays is not null;
    }

    /// <inheritdoc/>
    public void Dispose() => _pair?.Dispose();

    private async Task<bool> MoveRelaysAsync(CancellationToken cancellation)
    {
        try
        {
            return relays is null || await relays.MoveNext(cancellation).ConfigureAwait(false);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Unimplemented && tunnels is not null)
        {
            relays = null;
            return true;
        }
    }
}
