// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Net;
using System.Text;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using UdpTunnel.Config;
using UdpTunnel.Crypto;
using UdpTunnel.Doctor;
using UdpTunnel.Filter;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.Packets;
using UdpTunnel.Tunnel;
using UdpTunnel.Tunnel.Secure;
using UdpTunnel.V1;

namespace UdpTunnel.Api;

/// <summary>The tunnels over gRPC: checks requests, translates, and holds no logic of its own.</summary>
internal sealed class TunnelApi(TunnelHost host, Watchers watchers, CaptureStreams captures, TimeProvider time)
    : TunnelService.TunnelServiceBase
{
    /// <inheritdoc/>
    public override async Task<StartTunnelResponse> StartTunnel(StartTunnelRequest request, ServerCallContext context)
    {
        var (config, warnings) = Parse(request.Configuration, request.Name);
        var status = await host.StartAsync(config, request.Ephemeral, context.CancellationToken);
        var remarks = NetworkCheck.RemarkOnReach(status) is { } reach ? warnings.Append(reach) : warnings;
        remarks = NetworkCheck.RemarkOnSharing(status) is { } sharing ? remarks.Append(sharing) : remarks;
        remarks = RemarkOnLoop(status) is { } loop ? remarks.Append(loop) : remarks;
        return new StartTunnelResponse
        {
            Tunnel = Convert.ToTunnel(status),
            Warnings = { remarks.Select(Convert.ToDiagnostic) },
        };
    }

    /// <inheritdoc/>
    public override async Task<StopTunnelResponse> StopTunnel(StopTunnelRequest request, ServerCallContext context)
    {
        var last = await host.StopAsync(Required(request.Name), context.CancellationToken);
        return new StopTunnelResponse { Tunnel = Convert.ToTunnel(last) };
    }

    /// <inheritdoc/>
    public override async Task<ReloadTunnelResponse> ReloadTunnel(
        ReloadTunnelRequest request,
        ServerCallContext context
    )
    {
        var name = Required(request.Name);
        var (config, warnings) = Parse(request.Configuration, name);
        var changes = request.DryRun
            ? host.Compare(name, config)
            : await host.ReloadAsync(name, config, request.AllowRestart, context.CancellationToken);
        return new ReloadTunnelResponse
        {
            Applied = !request.DryRun && changes.Count > 0,
            Changes = { changes.Select(Convert.ToChange) },
            Warnings = { warnings.Select(Convert.ToDiagnostic) },
        };
    }

    /// <inheritdoc/>
    public override Task<ListTunnelsResponse> ListTunnels(ListTunnelsRequest request, ServerCallContext context) =>
        Task.FromResult(
            new ListTunnelsResponse { Tunnels = { host.List(Names(request.Names)).Select(Convert.ToTunnel) } }
        );

    /// <inheritdoc/>
    public override async Task WatchTunnels(
        WatchTunnelsRequest request,
        IServerStreamWriter<WatchTunnelsResponse> responseStream,
        ServerCallContext context
    )
    {
        var interval = RequestedTime.WatchInterval.Read(request.Interval);
        using var watcher = watchers.Enter(context);
        var tunnels = host.List(Names(request.Names));
        var names = request.Names.ToHashSet();
        using var timer = new PeriodicTimer(interval, time);
        var changes = request.ChangesOnly ? new ChangedOnly() : null;
        for (var isFirst = true; ; isFirst = false)
        {
            IReadOnlyList<V1.Tunnel> seen = [.. tunnels.Select(Convert.ToTunnel)];
            IReadOnlyList<string> removed = [];
            seen = changes?.Take(seen, t => t.Name, out removed) ?? seen;
            if (isFirst || changes is null || seen.Count + removed.Count > 0)
            {
                var response = new WatchTunnelsResponse
                {
                    Time = Timestamp.FromDateTimeOffset(time.GetUtcNow()),
                    Tunnels = { seen },
                    Removed = { removed },
                };
                await responseStream.WriteAsync(response, watcher.Stopped);
            }

            await timer.WaitForNextTickAsync(watcher.Stopped);
            tunnels = host.ListExisting(names);
        }
    }

    /// <inheritdoc/>
    public override Task<ListTunnelFlowsResponse> ListTunnelFlows(
        ListTunnelFlowsRequest request,
        ServerCallContext context
    )
    {
        var limit = FlowLimit.Read(request.Limit);
        var flows = host.FlowsOf(Required(request.Name));
        return Task.FromResult(
            new ListTunnelFlowsResponse
            {
                Flows = { flows.OrderBy(f => f.Age).Take(limit).Select(Convert.ToFlow) },
                Total = (uint)flows.Count,
            }
        );
    }

    /// <inheritdoc/>
    public override Task<ListTunnelPeersResponse> ListTunnelPeers(
        ListTunnelPeersRequest request,
        ServerCallContext context
    )
    {
        var limit = FlowLimit.Read(request.Limit);
        var peers = host
            .Peers.Of(request.Tunnel)
            .Where(p => request.Peer.Length == 0 || p.IsMeantBy(request.Peer))
            .ToList();
        return Task.FromResult(
            new ListTunnelPeersResponse { Peers = { ToPeers(peers.Take(limit)) }, Total = (uint)peers.Count }
        );
    }

    /// <inheritdoc/>
    public override async Task<ApprovePeerResponse> ApprovePeer(ApprovePeerRequest request, ServerCallContext context)
    {
        var peers = await host.Peers.ApproveAsync(
            new Choice(request.Peer, request.Tunnel, request.All),
            new PeerApproval(request.Name, ToAddresses(request.Addresses)),
            request.Once,
            context.CancellationToken
        );
        return new ApprovePeerResponse { Peers = { ToPeers(peers) } };
    }

    /// <inheritdoc/>
    public override async Task<DenyPeerResponse> DenyPeer(DenyPeerRequest request, ServerCallContext context)
    {
        var choice = new Choice(request.Peer, request.Tunnel, request.All);
        return new DenyPeerResponse
        {
            Peers = { ToPeers(await host.Peers.DenyAsync(choice, context.CancellationToken)) },
        };
    }

    /// <inheritdoc/>
    public override async Task<RevokePeerResponse> RevokePeer(RevokePeerRequest request, ServerCallContext context)
    {
        var choice = new Choice(request.Peer, request.Tunnel);
        return new RevokePeerResponse
        {
            Peers = { ToPeers(await host.Peers.RevokeAsync(choice, context.CancellationToken)) },
        };
    }

    /// <inheritdoc/>
    public override async Task<PingPeerResponse> PingPeer(PingPeerRequest request, ServerCallContext context)
    {
        var timeout = RequestedTime.Answer.Read(request.Timeout);
        if (request.Peer.Length == 0 && request.Tunnel.Length == 0)
        {
            throw new RequestException(Fault.InvalidRequest, "neither a peer nor a tunnel is named");
        }

        var (peer, address, result) = await host.Peers.PingAsync(
            request.Tunnel,
            request.Peer,
            request.Address.Length > 0 ? ToAddresses([request.Address])[0] : null,
            timeout,
            context.CancellationToken
        );
        return new PingPeerResponse
        {
            Peer = Convert.ToPeer(peer.Place, peer.Status),
            Address = address.ToString(),
            RoundTrip = result.RoundTrip is { } roundTrip ? Duration.FromTimeSpan(roundTrip) : null,
            Dropped = (V1.DropReason)result.Dropped,
            Mtu = (uint)(host.FindConfiguration(peer.Place) as TunnelConfig)!.Mtu,
        };
    }

    /// <inheritdoc/>
    public override async Task<InvitePeerResponse> InvitePeer(InvitePeerRequest request, ServerCallContext context)
    {
        var valid = RequestedTime.Validity.Read(request.Valid);
        var invitation = await host.Peers.InviteAsync(
            Required(request.Tunnel),
            new PeerApproval(request.Name, ToAddresses(request.Addresses)),
            valid,
            request.Endpoint,
            context.CancellationToken
        );
        return new InvitePeerResponse
        {
            Peer = Convert.ToPeer(invitation.Peer.Place, invitation.Peer.Status),
            PrivateKey = invitation.PrivateKey.Reveal(),
            PublicKey = invitation.PublicKey.ToString(),
            Endpoint = invitation.Endpoint.ToString(),
            EndpointIsPrivate = invitation.IsPrivate,
            Addresses = { invitation.Addresses },
            Mtu = (uint)invitation.Config.Mtu,
            AllowedPorts = { Convert.ToRanges(invitation.Config.AllowedPorts) },
        };
    }

    /// <inheritdoc/>
    public override async Task<UpdatePortsResponse> UpdatePorts(UpdatePortsRequest request, ServerCallContext context)
    {
        var ports = await host.UpdatePortsAsync(
            Required(request.Name),
            Ports(request.Allow),
            Ports(request.Deny),
            context.CancellationToken
        );
        return new UpdatePortsResponse { AllowedPorts = { Convert.ToRanges(ports) } };
    }

    /// <inheritdoc/>
    public override Task CapturePackets(
        CapturePacketsRequest request,
        IServerStreamWriter<CapturePacketsResponse> responseStream,
        ServerCallContext context
    ) =>
        captures.RunAsync(host.Running(Required(request.Name)), request, Ports(request.Ports), responseStream, context);

    /// <inheritdoc/>
    public override Task<GetPacketTraceResponse> GetPacketTrace(
        GetPacketTraceRequest request,
        ServerCallContext context
    ) => Task.FromResult(Convert.ToTrace(host.Running(Required(request.Name)).Trace(ToFlow(request))));

    /// <summary>
    /// A server or peer that is named by its address may be reached through the tunnel that has just begun.
    /// </summary>
    private static Config.Diagnostic? RemarkOnLoop(TunnelStatus status)
    {
        // More are left to the tunnel's own tick.
        const int MostAsked = 64;
        var config = status.Config;
        var named =
            config.Protocol == Config.TunnelProtocol.WireGuard
                ? config.Peers.Select((peer, i) => (Field: $"Peers[{i}].Endpoint", Place: peer.Endpoint))
                : [(Field: "NetworkAddress", Place: config.IsServer ? null : config.NetworkAddress)];
        try
        {
            foreach (var (field, place) in named.Where(n => n.Place is not null).Take(MostAsked))
            {
                if (
                    config.BindDevice is null
                    && place!.TryGetAddress(out var address)
                    && RouteLoop.ProblemWith(address, TunnelRoutes.MarkOf(config), status.Device)
                        is { Length: > 0 } problem
                )
                {
                    return new Config.Diagnostic(Config.DiagnosticSeverity.Warning, 0, 0, field, problem);
                }
            }

            return null;
        }
        catch (LinuxException)
        {
            // The tunnel's own tick asks again.
            return null;
        }
    }

    private static IEnumerable<V1.TunnelPeer> ToPeers(IEnumerable<PeerAt> peers) =>
        peers.Select(p => Convert.ToPeer(p.Place, p.Status));

    private static List<IPAddress> ToAddresses(IReadOnlyCollection<string> texts)
    {
        if (texts.Count > TunnelConfig.MaxAddresses)
        {
            throw new RequestException(Fault.InvalidRequest, $"more than {TunnelConfig.MaxAddresses} addresses");
        }

        return [.. texts.Select(Address)];

        static IPAddress Address(string text) =>
            IPAddress.TryParse(text, out var address)
                ? address
                : throw new RequestException(
                    Fault.InvalidRequest,
                    $"{Excerpt.Quote(text)} is no address (such as \"10.99.0.7\")"
                );
    }

    private static string Required(string name) =>
        name.Length > 0 ? name : throw new RequestException(Fault.InvalidRequest, "the name is missing");

    private static RepeatedField<string> Names(RepeatedField<string> names) =>
        names.Count <= TunnelHost.Capacity
            ? names
            : throw new RequestException(Fault.InvalidRequest, $"more than {TunnelHost.Capacity} names");

    private static (TunnelConfig Config, IEnumerable<Config.Diagnostic> Warnings) Parse(string text, string name)
    {
        if (name.Length > 0 && !ConfigurationName.TryValidate(name, out var error))
        {
            throw new RequestException(Fault.InvalidRequest, $"name: {error}");
        }

        var result = ConfigFile.Parse(
            Encoding.UTF8.GetBytes(text),
            name.Length > 0 ? name : null,
            X25519PrivateKey.PublicKeyOf
        );
        return result.Configuration switch
        {
            TunnelConfig config => (name.Length > 0 ? config with { Name = name } : config, result.Diagnostics),
            null => throw new RequestException(result.Diagnostics),
            _ => throw new RequestException(
                Fault.InvalidRequest,
                "this is the configuration of a relay, not of a tunnel"
            ),
        };
    }

    private static Flow ToFlow(GetPacketTraceRequest request)
    {
        var source = ToEndpoint("source", request.Source);
        var destination = ToEndpoint("destination", request.Destination);
        if (source.AddressFamily != destination.AddressFamily)
        {
            throw new RequestException(Fault.InvalidRequest, "source and destination are one of IPv4 and one of IPv6");
        }

        return new Flow(
            request.Protocol == TransportProtocol.Udp ? Ipv4Header.Udp : Ipv4Header.Tcp,
            BinaryPrimitives.ReadUInt128BigEndian(source.Address.MapToIPv6().GetAddressBytes()),
            BinaryPrimitives.ReadUInt128BigEndian(destination.Address.MapToIPv6().GetAddressBytes()),
            (ushort)source.Port,
            (ushort)destination.Port
        );
    }

    private static IPEndPoint ToEndpoint(string what, string text) =>
        IPEndPoint.TryParse(text, out var endpoint)
            ? endpoint
            : throw new RequestException(
                Fault.InvalidRequest,
                $"{what}: {Excerpt.Quote(text)} is no address (such as \"10.0.0.1:40000\")"
            );

    private static PortSet Ports(RepeatedField<V1.PortRange> ranges)
    {
        if (ranges.Count > ushort.MaxValue)
        {
            throw new RequestException(Fault.InvalidRequest, "more ranges than ports");
        }

        return PortSet.Create([.. ranges.Select(Range)]);

        static Config.PortRange Range(V1.PortRange range) =>
            range.First is > 0 and <= ushort.MaxValue && range.Last >= range.First && range.Last <= ushort.MaxValue
                ? new Config.PortRange((ushort)range.First, (ushort)range.Last)
                : throw new RequestException(
                    Fault.InvalidRequest,
                    $"{range.First}-{range.Last} is not a range of ports (1 to 65535)"
                );
    }
}
