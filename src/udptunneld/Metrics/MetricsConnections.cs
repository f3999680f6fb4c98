// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using UdpTunnel.Access;
using UdpTunnel.Linux;

namespace UdpTunnel.Metrics;

/// <summary>
/// Bounds the connections to the metrics for each user of the host, so that one who holds all that he gets keeps no
/// scraper out. The kernel says who is at the other end of a Unix socket, and of a TCP connection within the host.
/// </summary>
internal sealed class MetricsConnections(AccessPolicy policy)
{
    // Half of them for users, a quarter for operators at a Unix socket, and a quarter for root and the daemon's user.
    private const int Capacity = 32;
    private const int PerUser = 4;

    // Those whose user the kernel does not tell share the places of one.
    private const uint Unknown = uint.MaxValue;

    private readonly CallerPlaces _places = new(Capacity, PerUser);

    /// <summary>Serves a connection, or closes it at once.</summary>
    public async Task ServeAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        var user = UserOf(connection);
        if (!_places.TryTake(user))
        {
            connection.Abort();
            return;
        }

        try
        {
            await next(connection);
        }
        finally
        {
            _places.GiveBack(user);
        }
    }

    private RankedCaller UserOf(ConnectionContext connection)
    {
        try
        {
            var socket = connection.Features.GetRequiredFeature<IConnectionSocketFeature>().Socket;
            return socket.AddressFamily == AddressFamily.Unix
                ? policy.RankOf(Caller.At(connection.Features))
                : policy.RankOf(SocketDiagnosis.UserOfPeer(socket) ?? Unknown);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return policy.RankOf(Unknown);
        }
    }
}
