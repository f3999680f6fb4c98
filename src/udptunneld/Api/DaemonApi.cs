// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using UdpTunnel.Access;
using UdpTunnel.Config;
using UdpTunnel.Config.WgQuick;
using UdpTunnel.Doctor;
using UdpTunnel.Events;
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
    Examination examination,
    EventLog events
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
                LogLevel = Level(),
                LogLevelUntil = Until(),
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
    public override Task<SetLogLevelResponse> SetLogLevel(SetLogLevelRequest request, ServerCallContext context)
    {
        switch (request.Level)
        {
            case DaemonLogLevel.Debug:
                events.Debug.Enable(RequestedTime.Debugging.Read(request.Duration));
                break;
            case DaemonLogLevel.Info when request.Duration is null:
                events.Debug.Disable();
                break;
            case DaemonLogLevel.Info:
                throw new RequestException(Fault.InvalidRequest, "INFO is for good: it takes no duration");
            default:
                throw new RequestException(Fault.InvalidRequest, "the level must be DEBUG or INFO");
        }

        return Task.FromResult(new SetLogLevelResponse { Level = Level(), Until = Until() });
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

    private DaemonLogLevel Level() => events.Debug.IsOn ? DaemonLogLevel.Debug : DaemonLogLevel.Info;

    private Timestamp? Until() => events.Debug.Until is { } until ? Timestamp.FromDateTimeOffset(until) : null;

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
