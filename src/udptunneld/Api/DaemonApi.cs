using System.Runtime.InteropServices;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using UdpTunnel.Access;
using UdpTunnel.Config;
using UdpTunnel.Config.WgQuick;
using UdpTunnel.Doctor;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.Relay;
using UdpTunnel.Reload;
using UdpTunnel.Tunnel;
using UdpTunnel.V1;

namespace UdpTunnel.Api;

/// <summary>The daemon itself over gRPC.</summary>
internal sealed class DaemonApi(
    DaemonOptions options,
    TunnelHost host,
    RelayHost relays,
    AccessPolicy policy,
    DirectoryReload reload,
    Examination examination
) : DaemonService.DaemonServiceBase
{
    /// <inheritdoc/>
    public override Task<GetDaemonResponse> GetDaemon(GetDaemonRequest request, ServerCallContext context) =>
        Task.FromResult(
            new GetDaemonResponse
            {
                Version = DaemonOptions.Version,
                Pid = Environment.ProcessId,
                Started = Timestamp.FromDateTimeOffset(options.Started),
                Kernel = Kernel.Release,
                Runtime = RuntimeInformation.FrameworkDescription,
                Tunnels = host.Count,
                Relays = relays.Count,
                StateDirectory = options.StateDirectory,
            }
        );

    /// <inheritdoc/>
    public override Task<WhoAmIResponse> WhoAmI(WhoAmIRequest request, ServerCallContext context)
    {
        var caller = Caller.At(context.GetHttpContext().Features);
        var (role, reason) = policy.RoleOf(caller);
        return Task.FromResult(
            new WhoAmIResponse
            {
                Uid = caller.User,
                Gid = caller.Group,
                Pid = caller.Process,
                Role = role,
                Reason = reason,
            }
        );
    }

    /// <inheritdoc/>
    public override async Task<DiagnoseResponse> Diagnose(DiagnoseRequest request, ServerCallContext context)
    {
        var findings = await examination.RunAsync(request.Name, context.CancellationToken);
        return new DiagnoseResponse { Checks = { findings.Select(Convert.ToCheck) } };
    }

    /// <inheritdoc/>
    public override Task<GetConfigurationResponse> GetConfiguration(
        GetConfigurationRequest request,
        ServerCallContext context
    ) =>
        Task.FromResult(
            new GetConfigurationResponse { Configuration = Written(request.Name, request.Format, showSecrets: false) }
        );

    /// <inheritdoc/>
    public override Task<RevealConfigurationResponse> RevealConfiguration(
        RevealConfigurationRequest request,
        ServerCallContext context
    ) =>
        Task.FromResult(
            new RevealConfigurationResponse { Configuration = Written(request.Name, request.Format, showSecrets: true) }
        );

    /// <inheritdoc/>
    public override async Task<ReloadDirectoryResponse> ReloadDirectory(
        ReloadDirectoryRequest request,
        ServerCallContext context
    )
    {
        var outcomes = await reload.RunAsync(request.DryRun, request.AllowRestart, context.CancellationToken);
        return new ReloadDirectoryResponse { Outcomes = { outcomes.Select(Convert.ToFileOutcome) } };
    }

    private string Written(string name, ConfigurationFormat format, bool showSecrets)
    {
        if (name.Length == 0)
        {
            throw new RequestException(Fault.InvalidRequest, "the name is missing");
        }

        var configuration = (showSecrets ? host.FindWithKey(name) : host.FindConfiguration(name))
            ?? relays.FindConfiguration(name)
            ?? throw new RequestException(Fault.NoSuchTunnel, $"there is no tunnel or relay '{Excerpt.Bare(name)}'");
        return (format, configuration) switch
        {
            (ConfigurationFormat.Unspecified or ConfigurationFormat.Json, _) => configuration.ToJson(showSecrets),
            (ConfigurationFormat.WgQuick, TunnelConfig { Protocol: Config.TunnelProtocol.WireGuard } tunnel) =>
                WgQuickWriter.Write(tunnel, showSecrets),
            (ConfigurationFormat.WgQuick, _) => throw new RequestException(
                Fault.InvalidRequest,
                $"{name} does not speak WireGuard's protocol: wg-quick has no file for it"
            ),
            _ => throw new RequestException(Fault.InvalidRequest, $"{(int)format} is no format of a configuration"),
        };
    }
}
