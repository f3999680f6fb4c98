using System.Runtime.InteropServices;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using UdpTunnel.Access;
using UdpTunnel.Tunnel;
using UdpTunnel.V1;

namespace UdpTunnel.Api;

/// <summary>The daemon itself over gRPC.</summary>
internal sealed class DaemonApi(DaemonOptions options, TunnelHost host, AccessPolicy policy) : DaemonService.DaemonServiceBase
{
    /// <inheritdoc/>
    public override Task<GetDaemonResponse> GetDaemon(GetDaemonRequest request, ServerCallContext context) =>
        Task.FromResult(new GetDaemonResponse
        {
            Version = DaemonOptions.Version,
            Pid = Environment.ProcessId,
            Started = Timestamp.FromDateTimeOffset(options.Started),
            Kernel = Environment.OSVersion.Version.ToString(),
            Runtime = RuntimeInformation.FrameworkDescription,
            Tunnels = host.Count,
            StateDirectory = options.StateDirectory,
        });

    /// <inheritdoc/>
    public override Task<WhoAmIResponse> WhoAmI(WhoAmIRequest request, ServerCallContext context)
    {
        var caller = AccessInterceptor.CallerOf(context);
        var (role, reason) = policy.RoleOf(caller);
        return Task.FromResult(new WhoAmIResponse
        {
            Uid = caller.User,
            Gid = caller.Group,
            Pid = caller.Process,
            Role = role,
            Reason = reason,
        });
    }
}
