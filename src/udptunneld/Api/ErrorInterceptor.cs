// SPDX-License-Identifier: BSD-3-Clause

using Grpc.Core;
using Grpc.Core.Interceptors;
using UdpTunnel.Events;
using UdpTunnel.Hosting;
using UdpTunnel.V1;

namespace UdpTunnel.Api;

/// <summary>Turns what the engines throw into errors that a client understands.</summary>
internal sealed partial class ErrorInterceptor : Interceptor
{
    private readonly ILogger<ErrorInterceptor> _logger;
    private readonly IHostApplicationLifetime _lifetime;
    private readonly BoundedLines<int, (string Method, Exception Error)> _unexpected;

    /// <param name="logger">For what nobody expected.</param>
    /// <param name="lifetime">Says when the daemon stops.</param>
    /// <param name="time">The clock.</param>
    public ErrorInterceptor(ILogger<ErrorInterceptor> logger, IHostApplicationLifetime lifetime, TimeProvider time)
    {
        _logger = logger;
        _lifetime = lifetime;
        _unexpected = new BoundedLines<int, (string Method, Exception Error)>(time, (u, more) =>
            LogUnexpected(u.Error, u.Method, more)
        );
    }

    /// <inheritdoc/>
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request,
        ServerCallContext context,
        UnaryServerMethod<TRequest, TResponse> continuation
    )
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
        ServerStreamingServerMethod<TRequest, TResponse> continuation
    )
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
        DuplexStreamingServerMethod<TRequest, TResponse> continuation
    )
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

        if (
            context.CancellationToken.IsCancellationRequested
            || e is Microsoft.AspNetCore.Connections.ConnectionAbortedException
        )
        {
            return new RpcException(new Status(StatusCode.Cancelled, "the caller is gone"));
        }

        if (e is OperationCanceledException && _lifetime.ApplicationStopping.IsCancellationRequested)
        {
            return new RpcException(new Status(StatusCode.Unavailable, "the daemon stops"));
        }

        _unexpected.Add(0, (context.Method, e));
        return Errors.Exception(ErrorReason.System, e.Message);
    }

    [LoggerMessage(LogLevel.Error, "{Method} failed ({More} more since)")]
    private partial void LogUnexpected(Exception e, string method, long more);
}
