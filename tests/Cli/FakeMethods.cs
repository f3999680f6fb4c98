// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf;
using Grpc.AspNetCore.Server.Model;
using Grpc.Core;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli;

/// <summary>
/// Tells the server which calls <see cref="FakeDaemon"/> answers. By hand, since code generated for the server would
/// bring a second set of messages of the same names.
/// </summary>
internal sealed class FakeMethods(FakeDaemon daemon) : IServiceMethodProvider<FakeDaemon>
{
    public void OnServiceMethodDiscovery(ServiceMethodProviderContext<FakeDaemon> context)
    {
        Unary<StartTunnelRequest, StartTunnelResponse>(context, "TunnelService/StartTunnel", () => daemon.Start);
        Unary<StopTunnelRequest, StopTunnelResponse>(context, "TunnelService/StopTunnel", () => daemon.Stop);
        Unary<ReloadTunnelRequest, ReloadTunnelResponse>(context, "TunnelService/ReloadTunnel", () => daemon.Reload);
        Unary<ListTunnelsRequest, ListTunnelsResponse>(context, "TunnelService/ListTunnels", () => daemon.List);
        Unary<ListTunnelFlowsRequest, ListTunnelFlowsResponse>(context, "TunnelService/ListTunnelFlows", () =>
            daemon.ListTunnelFlows
        );
        Unary<ListTunnelPeersRequest, ListTunnelPeersResponse>(context, "TunnelService/ListTunnelPeers", () =>
            daemon.ListTunnelPeers
        );
        Unary<ApprovePeerRequest, ApprovePeerResponse>(context, "TunnelService/ApprovePeer", () => daemon.ApprovePeer);
        Unary<DenyPeerRequest, DenyPeerResponse>(context, "TunnelService/DenyPeer", () => daemon.DenyPeer);
        Unary<RevokePeerRequest, RevokePeerResponse>(context, "TunnelService/RevokePeer", () => daemon.RevokePeer);
        Unary<PingPeerRequest, PingPeerResponse>(context, "TunnelService/PingPeer", () => daemon.Ping);
        Unary<InvitePeerRequest, InvitePeerResponse>(context, "TunnelService/InvitePeer", () => daemon.InvitePeer);
        Unary<UpdatePortsRequest, UpdatePortsResponse>(context, "TunnelService/UpdatePorts", () => daemon.UpdatePorts);
        Unary<GetPacketTraceRequest, GetPacketTraceResponse>(context, "TunnelService/GetPacketTrace", () =>
            daemon.Trace
        );
        Unary<ListEventsRequest, ListEventsResponse>(context, "EventService/ListEvents", () => daemon.ListEvents);
        Unary<StartRelayRequest, StartRelayResponse>(context, "RelayService/StartRelay", () => daemon.StartRelay);
        Unary<StopRelayRequest, StopRelayResponse>(context, "RelayService/StopRelay", () => daemon.StopRelay);
        Unary<ReloadRelayRequest, ReloadRelayResponse>(context, "RelayService/ReloadRelay", () => daemon.ReloadRelay);
        Unary<ListRelaysRequest, ListRelaysResponse>(context, "RelayService/ListRelays", () => daemon.ListRelays);
        Unary<ListFlowsRequest, ListFlowsResponse>(context, "RelayService/ListFlows", () => daemon.ListFlows);
        Unary<ListSendersRequest, ListSendersResponse>(context, "RelayService/ListSenders", () => daemon.ListSenders);
        Unary<ApproveSenderRequest, ApproveSenderResponse>(context, "RelayService/ApproveSender", () => daemon.Approve);
        Unary<DenySenderRequest, DenySenderResponse>(context, "RelayService/DenySender", () => daemon.Deny);
        Unary<RevokeSenderRequest, RevokeSenderResponse>(context, "RelayService/RevokeSender", () => daemon.Revoke);
        Unary<AcceptReceiverKeyRequest, AcceptReceiverKeyResponse>(context, "RelayService/AcceptReceiverKey", () =>
            daemon.AcceptKey
        );
        Unary<GetDaemonRequest, GetDaemonResponse>(context, "DaemonService/GetDaemon", () => daemon.GetDaemon);
        Unary<WhoAmIRequest, WhoAmIResponse>(context, "DaemonService/WhoAmI", () => daemon.WhoAmI);
        Unary<ReloadDirectoryRequest, ReloadDirectoryResponse>(context, "DaemonService/ReloadDirectory", () =>
            daemon.ReloadDirectory
        );
        Unary<SetLogLevelRequest, SetLogLevelResponse>(context, "DaemonService/SetLogLevel", () => daemon.SetLogLevel);
        Unary<DiagnoseRequest, DiagnoseResponse>(context, "DaemonService/Diagnose", () => daemon.Diagnose);
        Unary<GetConfigurationRequest, GetConfigurationResponse>(context, "DaemonService/GetConfiguration", () =>
            daemon.GetConfiguration
        );
        Unary<RevealConfigurationRequest, RevealConfigurationResponse>(
            context,
            "DaemonService/RevealConfiguration",
            () => daemon.RevealConfiguration
        );
        Stream<WatchTunnelsRequest, WatchTunnelsResponse>(context, "TunnelService/WatchTunnels", () => daemon.Watch);
        Stream<CapturePacketsRequest, CapturePacketsResponse>(context, "TunnelService/CapturePackets", () =>
            daemon.Capture
        );
        Stream<WatchEventsRequest, WatchEventsResponse>(context, "EventService/WatchEvents", () => daemon.WatchEvents);
        Stream<WatchRelaysRequest, WatchRelaysResponse>(context, "RelayService/WatchRelays", () => daemon.WatchRelays);
        Stream<WatchSendersRequest, WatchSendersResponse>(context, "RelayService/WatchSenders", () =>
            daemon.WatchSenders
        );
    }

    private void Unary<TRequest, TResponse>(
        ServiceMethodProviderContext<FakeDaemon> context,
        string name,
        Func<Func<TRequest, Task<TResponse>>?> answer
    )
        where TRequest : class, IMessage<TRequest>, new()
        where TResponse : class, IMessage<TResponse>, new() =>
        context.AddUnaryMethod(Method<TRequest, TResponse>(MethodType.Unary, name), [], (_, request, _) =>
        {
            daemon.Requests.Enqueue(request);
            return (answer() ?? throw NotAnswered(name))(request);
        });

    private void Stream<TRequest, TResponse>(
        ServiceMethodProviderContext<FakeDaemon> context,
        string name,
        Func<StreamAnswer<TRequest, TResponse>?> answer
    )
        where TRequest : class, IMessage<TRequest>, new()
        where TResponse : class, IMessage<TResponse>, new() =>
        context.AddServerStreamingMethod(
            Method<TRequest, TResponse>(MethodType.ServerStreaming, name),
            [],
            (_, request, writer, call) =>
            {
                daemon.Requests.Enqueue(request);
                return (answer() ?? throw NotAnswered(name))(request, writer, call.CancellationToken);
            }
        );

    private static RpcException NotAnswered(string name) => new(new Status(StatusCode.Unimplemented, name));

    private static Method<TRequest, TResponse> Method<TRequest, TResponse>(MethodType type, string name)
        where TRequest : class, IMessage<TRequest>, new()
        where TResponse : class, IMessage<TResponse>, new()
    {
        var parts = name.Split('/');
        return new Method<TRequest, TResponse>(
            type,
            $"udptunnel.v1.{parts[0]}",
            parts[1],
            Marshaller<TRequest>(),
            Marshaller<TResponse>()
        );
    }

    private static Marshaller<T> Marshaller<T>()
        where T : class, IMessage<T>, new()
    {
        var parser = new MessageParser<T>(() => new T());
        return Marshallers.Create(message => message.ToByteArray(), parser.ParseFrom);
    }
}
