namespace Grpc.Core;

/// <summary>A stream of messages to send.</summary>
/// <typeparam name="T">The message's type.</typeparam>
public interface IAsyncStreamWriter<in T>
{
    /// <summary>How the next messages are written; null for the defaults.</summary>
    WriteOptions? WriteOptions { get; set; }

    /// <summary>Sends a message. Only one call at a time.</summary>
    /// <param name="message">The message.</param>
    /// <returns>Ends when the transport has taken the message.</returns>
    /// <exception cref="InvalidOperationException">
    /// The call is over, or the last message is still being written.
    /// </exception>
    /// <exception cref="RpcException">On the client: the call ended with an error.</exception>
    Task WriteAsync(T message);

    /// <summary>Sends a message. Only one call at a time.</summary>
    /// <param name="message">The message.</param>
    /// <param name="cancellationToken">Gives up sending, which ends the whole call.</param>
    /// <returns>Ends when the transport has taken the message.</returns>
    /// <exception cref="NotSupportedException">
    /// The token can be cancelled, and the writer has only <see cref="WriteAsync(T)"/>.
    /// </exception>
    Task WriteAsync(T message, CancellationToken cancellationToken) => cancellationToken.CanBeCanceled
        ? throw new NotSupportedException("This stream's writes cannot be cancelled.")
        : WriteAsync(message);
}
