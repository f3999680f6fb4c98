namespace Grpc.Core;

/// <summary>A server's method with a stream in each direction.</summary>
/// <typeparam name="TRequest">The request's type.</typeparam>
/// <typeparam name="TResponse">The response's type.</typeparam>
/// <param name="requestStream">The stream of requests.</param>
/// <param name="responseStream">The stream of responses.</param>
/// <param name="context">The call.</param>
/// <returns>Ends with the stream of responses.</returns>
public delegate Task DuplexStreamingServerMethod<TRequest, TResponse>(
    IAsyncStreamReader<TRequest> requestStream,
    IServerStreamWriter<TResponse> responseStream,
    ServerCallContext context)
    where TRequest : class
    where TResponse : class;
