namespace Grpc.Core;

/// <summary>A server's method with one request and a stream of responses.</summary>
/// <typeparam name="TRequest">The request's type.</typeparam>
/// <typeparam name="TResponse">The response's type.</typeparam>
/// <param name="request">The request.</param>
/// <param name="responseStream">The stream of responses.</param>
/// <param name="context">The call.</param>
/// <returns>Ends with the stream of responses.</returns>
public delegate Task ServerStreamingServerMethod<TRequest, TResponse>(
    TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context)
    where TRequest : class
    where TResponse : class;
