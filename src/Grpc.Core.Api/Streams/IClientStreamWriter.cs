namespace Grpc.Core;

/// <summary>The client's stream of requests.</summary>
/// <typeparam name="T">The request's type.</typeparam>
public interface IClientStreamWriter<in T> : IAsyncStreamWriter<T>
{
    /// <summary>Says that no more requests come; the responses may go on.</summary>
    /// <returns>Ends when the transport has taken it.</returns>
    Task CompleteAsync();
}
