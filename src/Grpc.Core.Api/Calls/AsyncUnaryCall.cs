using System.Runtime.CompilerServices;

namespace Grpc.Core;

/// <summary>A call with one request and one response. Dispose it to cancel a call that is still running.</summary>
/// <typeparam name="TResponse">The response's type.</typeparam>
public sealed class AsyncUnaryCall<TResponse> : IDisposable
{
    private readonly CallState _state;

    /// <summary>
    /// Made by a <see cref="CallInvoker"/>, or by an interceptor or a test that puts itself in between.
    /// </summary>
    /// <param name="responseAsync">The response.</param>
    /// <param name="responseHeadersAsync">The response headers.</param>
    /// <param name="getStatusFunc">Tells the status of a call that is over.</param>
    /// <param name="getTrailersFunc">Tells the trailers of a call that is over.</param>
    /// <param name="disposeAction">Cancels the call if it is still running.</param>
    public AsyncUnaryCall(
        Task<TResponse> responseAsync,
        Task<Metadata> responseHeadersAsync,
        Func<Status> getStatusFunc,
        Func<Metadata> getTrailersFunc,
        Action disposeAction)
        : this(
            responseAsync,
            _ => responseHeadersAsync,
            _ => getStatusFunc(),
            _ => getTrailersFunc(),
            _ => disposeAction(),
            CallState.None)
    {
    }

    /// <summary>The same with functions that share a state object, which saves closures.</summary>
    /// <param name="responseAsync">The response.</param>
    /// <param name="responseHeadersAsync">Tells the response headers.</param>
    /// <param name="getStatusFunc">Tells the status of a call that is over.</param>
    /// <param name="getTrailersFunc">Tells the trailers of a call that is over.</param>
    /// <param name="disposeAction">Cancels the call if it is still running.</param>
    /// <param name="state">What the functions are called with.</param>
    public AsyncUnaryCall(
        Task<TResponse> responseAsync,
        Func<object, Task<Metadata>> responseHeadersAsync,
        Func<object, Status> getStatusFunc,
        Func<object, Metadata> getTrailersFunc,
        Action<object> disposeAction,
        object state)
    {
        ResponseAsync = responseAsync;
        _state = new CallState(responseHeadersAsync, getStatusFunc, getTrailersFunc, disposeAction, state);
    }

    /// <summary>The response.</summary>
    /// <exception cref="RpcException">Awaited: the call ended with an error.</exception>
    public Task<TResponse> ResponseAsync { get; }

    /// <summary>The response headers, as soon as they are there.</summary>
    /// <exception cref="RpcException">Awaited: the call ended without headers.</exception>
    public Task<Metadata> ResponseHeadersAsync => _state.ResponseHeadersAsync;

    /// <summary>Awaiting the call awaits <see cref="ResponseAsync"/>.</summary>
    /// <returns>The response's awaiter.</returns>
    /// <exception cref="RpcException">Awaited: the call ended with an error.</exception>
    public TaskAwaiter<TResponse> GetAwaiter() => ResponseAsync.GetAwaiter();

    /// <summary>Awaits <see cref="ResponseAsync"/> with or without its context.</summary>
    /// <param name="continueOnCapturedContext">Whether to go on in the context of the caller.</param>
    /// <returns>What to await.</returns>
    public ConfiguredTaskAwaitable<TResponse> ConfigureAwait(bool continueOnCapturedContext) =>
        ResponseAsync.ConfigureAwait(continueOnCapturedContext);

    /// <summary>The status of a call that is over.</summary>
    /// <returns>The status.</returns>
    /// <exception cref="InvalidOperationException">The call is not over.</exception>
    public Status GetStatus() => _state.GetStatus();

    /// <summary>The trailers of a call that is over.</summary>
    /// <returns>The trailers, which may be empty.</returns>
    /// <exception cref="InvalidOperationException">The call is not over.</exception>
    public Metadata GetTrailers() => _state.GetTrailers();

    /// <summary>Cancels the call if it is still running; afterwards without effect.</summary>
    public void Dispose() => _state.Dispose();
}
