namespace Grpc.Core;

/// <summary>Reading a stream without a token.</summary>
public static class AsyncStreamReaderExtensions
{
    /// <summary>Waits for the next message.</summary>
    /// <typeparam name="T">The message's type.</typeparam>
    /// <param name="streamReader">The stream.</param>
    /// <returns>
    /// True with a message in <see cref="IAsyncStreamReader{T}.Current"/>; false at the end of the stream.
    /// </returns>
    /// <exception cref="ArgumentNullException"><paramref name="streamReader"/> is null.</exception>
    public static Task<bool> MoveNext<T>(this IAsyncStreamReader<T> streamReader)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(streamReader);
        return streamReader.MoveNext(CancellationToken.None);
    }
}
