using Grpc.Core;
using Grpc.Core.Interceptors;

namespace Grpc.Tests;

/// <summary>On the server: turns the first calls away.</summary>
internal sealed class UnavailableAtFirstInterceptor(AttemptCounter attempts) : Interceptor
{
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
        attempts.Next()
            ? throw new RpcException(new Status(StatusCode.Unavailable, "not yet"))
            : continuation(request, context);
}
