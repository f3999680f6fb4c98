namespace Grpc.Core;

/// <summary>What the four kinds of call have in common: headers, status, trailers and the way to cancel.</summary>
internal readonly struct CallState(
    Func<object, Task<Metadata>> responseHeaders,
    Func<object, Status> status,
    Func<object, Metadata> trailers,
    Action<object> dispose,
    object state)
{
    /// <summary>For functions that look at no state.</summary>
    public static readonly object None = new();

    public Task<Metadata> ResponseHeadersAsync => responseHeaders(state);

    public Status GetStatus() => status(state);

    public Metadata GetTrailers() => trailers(state);

    public void Dispose() => dispose(state);
}
