// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using UdpTunnel.Access;
using UdpTunnel.V1;

namespace UdpTunnel.Api;

/// <summary>
/// Bounds the answers that wait for their callers to read them. A call that lists waits for its turn before the list is
/// made, so that one who calls and does not read holds two lists for each connection and a few in all, not one for each
/// call; and an answer that is not read in time ends its connection.
/// </summary>
internal sealed class AnswerBound(AccessPolicy policy, TimeProvider time) : Interceptor
{
    /// <summary>Large answers at once, of all callers together; a list of 10,000 flows takes some 700 KB.</summary>
    public const int Capacity = 32;

    /// <summary>Those of one user that is neither root nor the daemon's.</summary>
    public const int PerUser = 6;

    private const int PerConnection = 2;

    // What is smaller is bounded by the number of calls.
    private const int SmallAnswer = 4096;

    // Whoever reads at all reads far more on a Unix socket in this time.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly ConditionalWeakTable<object, SemaphoreSlim> _connections = [];
    private readonly CallerPlaces _places = new(Capacity, PerUser);

    // Those who wait for a place of their user, or of all.
    private readonly Lock _gate = new();
    private readonly LinkedList<(RankedCaller Caller, TaskCompletionSource Admitted)> _waiting = [];

    /// <inheritdoc/>
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request,
        ServerCallContext context,
        UnaryServerMethod<TRequest, TResponse> continuation
    )
    {
        var http = context.GetHttpContext();
        Place? place = null;
        try
        {
            if (MethodRoles.Lists(context.Method))
            {
                place = await EnterAsync(http, context.CancellationToken);
            }

            var response = await continuation(request, context);
            if (response is IMessage message && message.CalculateSize() > SmallAnswer)
            {
                place ??= await EnterAsync(http, context.CancellationToken);
                place.Keep();
            }

            new AnswerTimer(http, time, Patience).Start();
            return response;
        }
        finally
        {
            place?.LeaveUnlessKept();
        }
    }

    private async Task<Place> EnterAsync(HttpContext http, CancellationToken cancellation)
    {
        var caller = policy.RankOf(Caller.At(http.Features));
        var connection = _connections.GetValue(
            http.Features.GetRequiredFeature<IConnectionSocketFeature>().Socket,
            _ => new SemaphoreSlim(PerConnection)
        );
        await connection.WaitAsync(cancellation);
        try
        {
            await WaitAsync(caller, cancellation);
        }
        catch
        {
            connection.Release();
            throw;
        }

        return new Place(http, () =>
        {
            Leave(caller);
            connection.Release();
        });
    }

    private async Task WaitAsync(RankedCaller caller, CancellationToken cancellation)
    {
        LinkedListNode<(RankedCaller Caller, TaskCompletionSource Admitted)> node;
        lock (_gate)
        {
            if (_places.TryTake(caller))
            {
                return;
            }

            node = _waiting.AddLast(
                (caller, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously))
            );
        }

        try
        {
            await node.Value.Admitted.Task.WaitAsync(Patience, time, cancellation);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            GiveUp(node, caller);
            throw e is TimeoutException
                ? Errors.Exception(ErrorReason.LimitReached, "too many answers wait to be read: try again")
                : e;
        }
    }

    private void GiveUp(LinkedListNode<(RankedCaller Caller, TaskCompletionSource Admitted)> node, RankedCaller caller)
    {
        lock (_gate)
        {
            if (node.List is not null)
            {
                _waiting.Remove(node);
                return;
            }
        }

        // The place came at the same moment.
        Leave(caller);
    }

    private void Leave(RankedCaller caller)
    {
        lock (_gate)
        {
            _places.GiveBack(caller);
            for (var node = _waiting.First; node is not null; node = node.Next)
            {
                if (_places.TryTake(node.Value.Caller))
                {
                    _waiting.Remove(node);
                    node.Value.Admitted.SetResult();
                    return;
                }
            }
        }
    }

    /// <summary>A place for a large answer, until the answer has left.</summary>
    private sealed class Place(HttpContext http, Action leave)
    {
        private bool _isKept;

        public void Keep()
        {
            _isKept = true;
            http.Response.OnCompleted(() =>
            {
                leave();
                return Task.CompletedTask;
            });
        }

        public void LeaveUnlessKept()
        {
            if (!_isKept)
            {
                leave();
            }
        }
    }

    /// <summary>
    /// Ends the connection of a call whose answer is not read, since the next one would not be read either.
    /// </summary>
    private sealed class AnswerTimer(HttpContext http, TimeProvider time, TimeSpan patience)
    {
        // The server uses a context again for another call, so it must not be ended once this one is.
        private readonly Lock _gate = new();
        private bool _hasEnded;
        private ITimer? _timer;

        public void Start()
        {
            http.Response.OnCompleted(() =>
            {
                End();
                return Task.CompletedTask;
            });
            _timer = time.CreateTimer(_ => Abort(), null, patience, Timeout.InfiniteTimeSpan);
        }

        private void End()
        {
            lock (_gate)
            {
                _hasEnded = true;
                _timer?.Dispose();
            }
        }

        private void Abort()
        {
            lock (_gate)
            {
                if (!_hasEnded)
                {
                    http.Features.GetRequiredFeature<IConnectionLifetimeFeature>().Abort();
                }
            }
        }
    }
}
