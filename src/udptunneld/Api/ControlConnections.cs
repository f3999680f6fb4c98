using Microsoft.AspNetCore.Connections;
using UdpTunnel.Events;

namespace UdpTunnel.Api;

/// <summary>Bounds the connections to the control socket and tells when there are too many, which the server's own bound does not.</summary>
internal sealed class ControlConnections(EventLog events, TimeProvider time)
{
    /// <summary>Connections at once, of all clients together: they must not take the descriptors that relays need. Each has 100 streams at the most.</summary>
    public const int Capacity = 512;

    private readonly LimitReport _limits = new(events, time, "");
    private int _open;

    /// <summary>Serves a connection, or closes it at once.</summary>
    public async Task ServeAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        try
        {
            if (Interlocked.Increment(ref _open) <= Capacity)
            {
                await next(connection);
            }
            else
            {
                connection.Abort();
                _limits.Hit(Limit.Connections, $"{Capacity} connections to the control socket are open: more are closed at once");
            }
        }
        finally
        {
            Interlocked.Decrement(ref _open);
        }
    }
}
