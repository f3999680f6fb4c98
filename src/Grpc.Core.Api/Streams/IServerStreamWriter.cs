namespace Grpc.Core;

/// <summary>The server's stream of responses; it ends when the method returns.</summary>
/// <typeparam name="T">The response's type.</typeparam>
public interface IServerStreamWriter<in T> : IAsyncStreamWriter<T>
{
}
