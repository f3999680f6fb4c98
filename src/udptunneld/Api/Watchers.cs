using Grpc.Core;
using UdpTunnel.Events;
using UdpTunnel.V1;

namespace UdpTunnel.Api;

/// <summary>
/// The open streams: bounds how many there are at once, so that a client that opens them without reading fills nothing, and ends them
/// when the daemon stops.
/// </summary>
internal sealed class Watchers(IHostApplicationLifetime lifetime, EventLog events, TimeProvider time)
{
    /// <summary>Streams at once, of all clients together.</summary>
    public const int Capacity = 128;

    private readonly LimitReport _limits = new(events, time, "");
    private int _open;

    /// <summary>Streams that are open.</summary>
    public int Open => Math.Min(Volatile.Read(ref _open), Capacity);

    /// <summary>Takes a place for a stream; disposing of the result gives it back.</summary>
    /// <exception cref="RpcException">All places are taken.</exception>
    public Watcher Enter(ServerCallContext context)
    {
        if (Interlocked.Increment(ref _open) > Capacity)
        {
            Interlocked.Decrement(ref _open);
            _limits.Hit(Events.Limit.Streams, $"{Capacity} streams are open, which is the most: more are refused");
            throw Errors.Exception(ErrorReason.LimitReached, $"{Capacity} streams are open already, which is the most");
        }

        return new Watcher(this, CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping));
    }

    /// <summary>One open stream.</summary>
    internal sealed class Watcher(Watchers watchers, CancellationTokenSource stop) : IDisposable
    {
        /// <summary>Ends when the client is gone or the daemon stops.</summary>
        public CancellationToken Stopped => stop.Token;

        /// <inheritdoc/>
        public void Dispose()
        {
            stop.Dispose();
            Interlocked.Decrement(ref watchers._open);
        }
    }
}
