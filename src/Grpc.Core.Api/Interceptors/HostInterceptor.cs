namespace Grpc.Core.Interceptors;

/// <summary>Names a host in every call: what <see cref="ClientBase{T}.WithHost"/> adds.</summary>
internal sealed class HostInterceptor(string host) : ContextInterceptor
{
    protected override ClientInterceptorContext<TRequest, TResponse> Change<TRequest, TResponse>(
        ClientInterceptorContext<TRequest, TResponse> context) =>
        context.Host is null ? new(context.Method, host, context.Options) : context;
}
