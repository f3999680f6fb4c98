// SPDX-License-Identifier: BSD-3-Clause

using System.Collections.Concurrent;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli;

/// <summary>Answers a call with a stream of messages.</summary>
internal delegate Task StreamAnswer<TRequest, TResponse>(
    TRequest request,
    IServerStreamWriter<TResponse> stream,
    CancellationToken cancellation
);

/// <summary>
/// What the daemon of the tests answers. Each test sets what it needs; everything else fails as 'unimplemented'.
/// </summary>
internal sealed class FakeDaemon
{
    /// <summary>Every request, in the order of arrival.</summary>
    public ConcurrentQueue<IMessage> Requests { get; } = new();

    public Func<StartTunnelRequest, Task<StartTunnelResponse>>? Start { get; set; }

    public Func<StopTunnelRequest, Task<StopTunnelResponse>>? Stop { get; set; }

    public Func<ReloadTunnelRequest, Task<ReloadTunnelResponse>>? Reload { get; set; }

    public Func<ListTunnelsRequest, Task<ListTunnelsResponse>>? List { get; set; }

    public Func<ListTunnelFlowsRequest, Task<ListTunnelFlowsResponse>>? ListTunnelFlows { get; set; }

    public Func<ListTunnelPeersRequest, Task<ListTunnelPeersResponse>>? ListTunnelPeers { get; set; }

    public Func<GetConfigurationRequest, Task<GetConfigurationResponse>>? GetConfiguration { get; set; }

    public Func<RevealConfigurationRequest, Task<RevealConfigurationResponse>>? RevealConfiguration { get; set; }

    public Func<UpdatePortsRequest, Task<UpdatePortsResponse>>? UpdatePorts { get; set; }

    public Func<GetPacketTraceRequest, Task<GetPacketTraceResponse>>? Trace { get; set; }

    public Func<ListEventsRequest, Task<ListEventsResponse>>? ListEvents { get; set; }

    public Func<StartRelayRequest, Task<StartRelayResponse>>? StartRelay { get; set; }

    public Func<StopRelayRequest, Task<StopRelayResponse>>? StopRelay { get; set; }

    public Func<ReloadRelayRequest, Task<ReloadRelayResponse>>? ReloadRelay { get; set; }

    public Func<ListRelaysRequest, Task<ListRelaysResponse>>? ListRelays { get; set; }

    public Func<ListFlowsRequest, Task<ListFlowsResponse>>? ListFlows { get; set; }

    public Func<ListSendersRequest, Task<ListSendersResponse>>? ListSenders { get; set; }

    public Func<ApprovePeerRequest, Task<ApprovePeerResponse>>? ApprovePeer { get; set; }

    public Func<DenyPeerRequest, Task<DenyPeerResponse>>? DenyPeer { get; set; }

    public Func<RevokePeerRequest, Task<RevokePeerResponse>>? RevokePeer { get; set; }

    public Func<PingPeerRequest, Task<PingPeerResponse>>? Ping { get; set; }

    public Func<InvitePeerRequest, Task<InvitePeerResponse>>? InvitePeer { get; set; }

    public Func<ApproveSenderRequest, Task<ApproveSenderResponse>>? Approve { get; set; }

    public Func<DenySenderRequest, Task<DenySenderResponse>>? Deny { get; set; }

    public Func<RevokeSenderRequest, Task<RevokeSenderResponse>>? Revoke { get; set; }

    public Func<AcceptReceiverKeyRequest, Task<AcceptReceiverKeyResponse>>? AcceptKey { get; set; }

    public Func<GetDaemonRequest, Task<GetDaemonResponse>>? GetDaemon { get; set; }

    public Func<WhoAmIRequest, Task<WhoAmIResponse>>? WhoAmI { get; set; }

    public Func<DiagnoseRequest, Task<DiagnoseResponse>>? Diagnose { get; set; }

    public Func<SetLogLevelRequest, Task<SetLogLevelResponse>>? SetLogLevel { get; set; }

    public Func<ReloadDirectoryRequest, Task<ReloadDirectoryResponse>>? ReloadDirectory { get; set; }

    public StreamAnswer<WatchTunnelsRequest, WatchTunnelsResponse>? Watch { get; set; }

    public StreamAnswer<CapturePacketsRequest, CapturePacketsResponse>? Capture { get; set; }

    public StreamAnswer<WatchEventsRequest, WatchEventsResponse>? WatchEvents { get; set; }

    public StreamAnswer<WatchRelaysRequest, WatchRelaysResponse>? WatchRelays { get; set; }

    public StreamAnswer<WatchSendersRequest, WatchSendersResponse>? WatchSenders { get; set; }

    /// <summary>An error as the daemon sends it.</summary>
    public static RpcException Error(StatusCode code, string reason, string message, params Diagnostic[] diagnostics)
    {
        var status = new Google.Rpc.Status { Code = (int)code, Message = message };
        status.Details.Add(Any.Pack(new Google.Rpc.ErrorInfo { Domain = "udptunnel", Reason = reason }));
        status.Details.AddRange(diagnostics.Select(d => Any.Pack(d)));
        return new RpcException(
            new Status(code, message),
            new Metadata { { "grpc-status-details-bin", status.ToByteArray() } }
        );
    }

    /// <summary>A daemon that knows these relays, and tunnels only if <see cref="Has(Tunnel[])"/> was called.</summary>
    public void Has(params Relay[] relays)
    {
        List ??= _ => Task.FromResult(new ListTunnelsResponse());
        ListRelays = _ => Task.FromResult(new ListRelaysResponse { Relays = { relays } });
    }

    /// <summary>A <see cref="List"/> that knows these tunnels.</summary>
    public void Has(params Tunnel[] tunnels) =>
        List = request =>
        {
            var unknown = request.Names.FirstOrDefault(n => tunnels.All(t => t.Name != n));
            if (unknown is not null)
            {
                throw Error(StatusCode.NotFound, "NO_SUCH_TUNNEL", $"there is no tunnel '{unknown}'");
            }

            var chosen = tunnels.Where(t => request.Names.Count == 0 || request.Names.Contains(t.Name));
            return Task.FromResult(new ListTunnelsResponse { Tunnels = { chosen } });
        };
}
