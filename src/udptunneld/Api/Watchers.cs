// SPDX-License-Identifier: BSD-3-Clause

using Grpc.Core;
using UdpTunnel.Access;
using UdpTunnel.Events;
using UdpTunnel.V1;

namespace UdpTunnel.Api;

/// <summary>
/// The open streams: bounds how many there are at once, so that a client that opens them without reading fills nothing,
/// and ends them when the daemon stops.
/// </summary>
internal sealed class Watchers(
    AccessPolicy policy,
    IHostApplicationLifetime lifetime,
    EventLog events,
    TimeProvider time
)
{
    /// <summary>Streams at once, of all clients together.</summary>
    public const int Capacity = 128;

    /// <summary>Those of one user that is neither root nor the daemon's.</summary>
    public const int PerUser = 48;

    private readonly CallerPlaces _places = new(Capacity, PerUser);
    private readonly LimitReport _limits = new(events, time, "");

    /// <summary>Streams that are open.</summary>
    public int Open => (int)_places.Taken;

    /// <summary>Takes a place for a stream; disposing of the result gives it back.</summary>
    /// <exception cref="RpcException">All places are taken.</exception>
    public Watcher Enter(ServerCallContext context)
    {
        var caller = policy.RankOf(Caller.At(context.GetHttpContext().Features));
        if (!_places.TryTake(caller))
        {
            var most = $"{Capacity} streams, or {PerUser} of one user, are open";
            _limits.Hit(Events.Limit.Streams, $"{most}, which is the most: more are refused");
            throw Errors.Exception(ErrorReason.LimitReached, $"{most} already, which is the most");
        }

        return new Watcher(
            CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping),
            () => _places.GiveBack(caller)
        );
    }

    /// <summary>One open stream.</summary>
    internal sealed class Watcher(CancellationTokenSource stop, Action leave) : IDisposable
    {
        /// <summary>Ends when the client is gone or the daemon stops.</summary>
        public CancellationToken Stopped => stop.Token;

        /// <inheritdoc/>
        public void Dispose()
        {
            stop.Dispose();
            leave();
        }
    }
}
