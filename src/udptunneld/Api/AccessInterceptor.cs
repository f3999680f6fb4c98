using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using UdpTunnel.Access;
using UdpTunnel.V1;

namespace UdpTunnel.Api;

/// <summary>Lets each call through only if the caller's role suffices, and writes down who changed something.</summary>
internal sealed partial class AccessInterceptor(AccessPolicy policy, ILogger<AccessInterceptor> logger) : Interceptor
{
    // Not in the connection's Items: calls of one connection run at the same time, and those are a plain dictionary.
    private static readonly ConditionalWeakTable<Socket, Caller> Callers = [];

    private long _denied;

    /// <summary>Calls that were denied since the daemon started.</summary>
    public long Denied => Volatile.Read(ref _denied);

    /// <summary>Who makes a call. The kernel is asked once per connection.</summary>
    public static Caller CallerOf(ServerCallContext context) => Callers.GetValue(
        context.GetHttpContext().Features.GetRequiredFeature<IConnectionSocketFeature>().Socket, Caller.Of);

    /// <inheritdoc/>
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        Check(context, OperationText.Of(request));
        return continuation(request, context);
    }

    /// <inheritdoc/>
    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        Check(context, OperationText.Of(request));
        return continuation(request, responseStream, context);
    }

    /// <inheritdoc/>
    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        ServerCallContext context,
        ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        Check(context, "");
        return continuation(requestStream, context);
    }

    /// <inheritdoc/>
    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        Check(context, "");
        return continuation(requestStream, responseStream, context);
    }

    private void Check(ServerCallContext context, string what)
    {
        var required = MethodRoles.Required(context.Method);
        var caller = CallerOf(context);
        var (role, reason) = policy.RoleOf(caller);
        if (required == Role.Unspecified || role < required)
        {
            Interlocked.Increment(ref _denied);
            LogDenied(caller.User, caller.Process, context.Method[1..], what);
            throw Errors.Exception(
                ErrorReason.RoleRequired, $"{context.Method[1..]} needs {policy.Needed(required)}; you (uid {caller.User}) are {reason}");
        }

        if (required == Role.Operate)
        {
            LogOperated(caller.User, caller.Process, context.Method[1..], what);
        }
    }

    [LoggerMessage(LogLevel.Warning, "denied to uid {User}, pid {Process}: {Method}{What}")]
    private partial void LogDenied(uint user, int process, string method, string what);

    [LoggerMessage(LogLevel.Information, "uid {User}, pid {Process}: {Method}{What}")]
    private partial void LogOperated(uint user, int process, string method, string what);
}
