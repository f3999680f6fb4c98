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
            LogOperated(caller.ToDisplayText(), caller.Process, context.Method[1..], OperationText.Of(request));
        }

        return continuation(request, context);
    }

    [LoggerMessage(LogLevel.Information, "{User}, pid {Process}: {Method}{What}")]
    private partial void LogOperated(string user, int process, string method, string what);
}
