// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using UdpTunnel.Access;
using UdpTunnel.Events;

namespace UdpTunnel.Api;

/// <summary>
/// Bounds the connections to the control socket and tells when there are too many, which the server's own bound does
/// not.
/// </summary>
internal sealed class ControlConnections(AccessPolicy policy, EventLog events, TimeProvider time)
{
    /// <summary>
    /// Connections at once, of all clients together: they must not take the descriptors that relays need. Each has 100
    /// streams at the most.
    /// </summary>
    public const int Capacity = 512;

    /// <summary>Those of one user that is neither root nor the daemon's.</summary>
    public const int PerUser = 128;

    private readonly CallerPlaces _places = new(Capacity, PerUser);
    private readonly LimitReport _limits = new(events, time, "");

    /// <summary>Serves a connection, or closes it at once.</summary>
    public async Task ServeAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        RankedCaller caller;
        try
        {
            caller = policy.RankOf(Caller.At(connection.Features));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Gone already.
            connection.Abort();
            return;
        }

        if (!_places.TryTake(caller))
        {
            connection.Abort();
            _limits.Hit(
                Limit.Connections,
                $"{Capacity} connections to the control socket, or {PerUser} of one user, are open: more are closed at once"
            );
            return;
        }

        try
        {
            await next(connection);
        }
        finally
        {
            _places.GiveBack(caller);
        }
    }
}
