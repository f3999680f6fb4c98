// SPDX-License-Identifier: BSD-3-Clause

using Grpc.Core;
using Grpc.Core.Interceptors;
using UdpTunnel.V1;

namespace UdpTunnel.Access;

/// <summary>
/// Writes down who changes something. Whether the caller may was decided before the request was read.
/// </summary>
internal sealed partial class OperationLog(ILogger<OperationLog> logger) : Interceptor
{
    /// <inheritdoc/>
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request,
        ServerCallContext context,
        UnaryServerMethod<TRequest, TResponse> continuation
    )
    {
        if (MethodRoles.Required(context.Method) == Role.Operate)
        {
            var caller = Caller.At(context.GetHttpContext().Features);
            var what = OperationText.Of(request);
            if (OperationText.IsDryRun(request))
            {
                // Changes nothing.
                LogAsked(caller, context.Method[1..], what);
            }
            else
            {
                LogOperated(caller.ToDisplayText(), caller.Process, context.Method[1..], what);
            }
        }

        return continuation(request, context);
    }

    private void LogAsked(Caller caller, string method, string what)
    {
        if (logger.IsEnabled(LogLevel.Debug))
        {
            LogAsked(caller.ToDisplayText(), caller.Process, method, what);
        }
    }

    [LoggerMessage(LogLevel.Debug, "{User}, pid {Process}: {Method}{What}")]
    private partial void LogAsked(string user, int process, string method, string what);

    [LoggerMessage(LogLevel.Information, "{User}, pid {Process}: {Method}{What}")]
    private partial void LogOperated(string user, int process, string method, string what);
}
