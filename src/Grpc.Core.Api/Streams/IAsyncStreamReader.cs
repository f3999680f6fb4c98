namespace Grpc.Core;

/// <summary>A stream of received messages.</summary>
/// <typeparam name="T">The message's type.</typeparam>
public interface IAsyncStreamReader<out T>
{
    /// <summary>The message that the last <see cref="MoveNext"/> received.</summary>
    /// <exception cref="InvalidOperationException">
    /// There is none: before the first message or after the last.
    /// </exception>
    T Current { get; }

    /// <summary>Waits for the next message. Only one call at a time.</summary>
    /// <param name="cancellationToken">Gives up waiting, which ends the whole call.</param>
    /// <returns>True with a message in <see cref="Current"/>; false at the end of the stream.</returns>
    /// <exception cref="RpcException">On the client: the call ended with an error.</exception>
    Task<bool> MoveNext(CancellationToken cancellationToken);
}
