using Grpc.Core;
using Grpc.Core.Interceptors;
using UdpTunnel.Hosting;
using UdpTunnel.V1;

namespace UdpTunnel.Api;

/// <summary>Turns what the engines throw into errors that a client understands.</summary>
internal sealed partial class ErrorInterceptor(ILogger<ErrorInterceptor> logger, IHostApplicationLifetime lifetime) : Interceptor
{
    /// <inheritdoc/>
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(request, context);
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw Translate(e, context);
        }
    }

    /// <inheritdoc/>
    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(request, responseStream, context);
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw Translate(e, context);
        }
    }

    /// <inheritdoc/>
    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(requestStream, responseStream, context);
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw Translate(e, context);
        }
    }

    private RpcException Translate(Exception e, ServerCallContext context)
    {
        if (e is RequestException known)
        {
            return Errors.From(known);
        }

        if (context.CancellationToken.IsCancellationRequested)
        {
            return new RpcException(new Status(StatusCode.Cancelled, "the caller is gone"));
        }

        if (e is OperationCanceledException && lifetime.ApplicationStopping.IsCancellationRequested)
        {
            return new RpcException(new Status(StatusCode.Unavailable, "the daemon stops"));
        }

        LogUnexpected(e, context.Method);
        return Errors.Exception(ErrorReason.System, e.Message);
    }

    [LoggerMessage(LogLevel.Error, "{Method} failed")]
    private partial void LogUnexpected(Exception e, string method);
}
