// SPDX-License-Identifier: BSD-3-Clause

using Grpc.Core;
using Grpc.Health.V1;
using UdpTunnel.Access;
using static Grpc.Health.V1.HealthCheckResponse.Types;

namespace UdpTunnel.Api;

/// <summary>The standard health service: serving as long as the daemon answers at all.</summary>
internal sealed class HealthApi(Watchers watchers, IHostApplicationLifetime lifetime) : Health.HealthBase
{
    /// <inheritdoc/>
    public override Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context)
    {
        var status = StatusOf(request.Service);
        if (status == ServingStatus.ServiceUnknown)
        {
            throw new RpcException(new Status(StatusCode.NotFound, "no such service"));
        }

        return Task.FromResult(new HealthCheckResponse { Status = status });
    }

    /// <inheritdoc/>
    public override async Task Watch(
        HealthCheckRequest request,
        IServerStreamWriter<HealthCheckResponse> responseStream,
        ServerCallContext context
    )
    {
        using var watcher = watchers.Enter(context);
        await responseStream.WriteAsync(
            new HealthCheckResponse { Status = StatusOf(request.Service) },
            context.CancellationToken
        );

        // The status changes once, when the daemon stops.
        await Task.Delay(Timeout.Infinite, watcher.Stopped).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        context.CancellationToken.ThrowIfCancellationRequested();
        await responseStream.WriteAsync(
            new HealthCheckResponse { Status = StatusOf(request.Service) },
            context.CancellationToken
        );
    }

    private ServingStatus StatusOf(string service)
    {
        if (service.Length > 0 && MethodRoles.Services.All(s => s.FullName != service))
        {
            return ServingStatus.ServiceUnknown;
        }

        return lifetime.ApplicationStopping.IsCancellationRequested ? ServingStatus.NotServing : ServingStatus.Serving;
    }
}
