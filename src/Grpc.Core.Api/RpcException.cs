namespace Grpc.Core;

/// <summary>
/// A call that did not end with <see cref="StatusCode.OK"/>. The client throws it; a server's method throws it to
/// choose the status (and the trailers) that the client gets.
/// </summary>
public class RpcException : Exception
{
    /// <summary>Makes the exception; its message is <see cref="Status.ToString"/>.</summary>
    /// <param name="status">How the call ended.</param>
    public RpcException(Status status)
        : this(status, Metadata.Empty, status.ToString())
    {
    }

    /// <summary>Makes the exception with a message of its own.</summary>
    /// <param name="status">How the call ended.</param>
    /// <param name="message">The exception's message; it stays on this side.</param>
    public RpcException(Status status, string message)
        : this(status, Metadata.Empty, message)
    {
    }

    /// <summary>Makes the exception with trailers; its message is <see cref="Status.ToString"/>.</summary>
    /// <param name="status">How the call ended.</param>
    /// <param name="trailers">The trailers received, or to be sent.</param>
    public RpcException(Status status, Metadata trailers)
        : this(status, trailers, status.ToString())
    {
    }

    /// <summary>Makes the exception with trailers and a message of its own.</summary>
    /// <param name="status">
    /// How the call ended; its <see cref="Status.DebugException"/> becomes the inner exception.
    /// </param>
    /// <param name="trailers">The trailers received, or to be sent.</param>
    /// <param name="message">The exception's message; it stays on this side.</param>
    /// <exception cref="ArgumentNullException"><paramref name="trailers"/> is null.</exception>
    public RpcException(Status status, Metadata trailers, string message)
        : base(message, status.DebugException)
    {
        ArgumentNullException.ThrowIfNull(trailers);
        Status = status;
        Trailers = trailers;
    }

    /// <summary>How the call ended.</summary>
    public Status Status { get; }

    /// <summary>The code of <see cref="Status"/>, for exception filters.</summary>
    public StatusCode StatusCode => Status.StatusCode;

    /// <summary>The trailers; empty, never null, when there are none.</summary>
    public Metadata Trailers { get; }
}
