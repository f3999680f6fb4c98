// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;
using Grpc.Net.Client;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Harness;

/// <summary>The control API of one daemon, over one connection.</summary>
internal sealed class ControlApi : IDisposable
{
    private readonly GrpcChannel _channel;
    private readonly TunnelService.TunnelServiceClient _tunnels;
    private readonly RelayService.RelayServiceClient _relays;

    /// <param name="socketPath">The daemon's socket.</param>
    public ControlApi(string socketPath)
    {
        _channel = GrpcChannel.ForAddress(
            "http://localhost",
            new GrpcChannelOptions
            {
                DisposeHttpClient = true,
                HttpHandler = new SocketsHttpHandler
                {
                    UseProxy = false,
                    ConnectCallback = async (_, cancellation) =>
                    {
                        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                        await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancellation);
                        return new NetworkStream(socket, ownsSocket: true);
                    },
                },
            }
        );
        _tunnels = new TunnelService.TunnelServiceClient(_channel);
        _relays = new RelayService.RelayServiceClient(_channel);
    }

    /// <summary>Starts a tunnel.</summary>
    /// <param name="file">Its file.</param>
    /// <param name="patience">How long to wait, if longer than usual.</param>
    /// <param name="ephemeral">Not to be stored.</param>
    public async Task UpAsync(TunnelFile file, TimeSpan? patience = null, bool ephemeral = false) =>
        await _tunnels.StartTunnelAsync(
            new StartTunnelRequest
            {
                Configuration = file.ToJson(),
                Name = file.Name,
                Ephemeral = ephemeral,
            },
            deadline: DateTime.UtcNow + (patience ?? WaitFor.Patience)
        );

    /// <summary>Stops a tunnel.</summary>
    public async Task DownAsync(string name) =>
        await _tunnels.StopTunnelAsync(
            new StopTunnelRequest { Name = name },
            deadline: DateTime.UtcNow + WaitFor.Patience
        );

    /// <summary>The flows of a tunnel.</summary>
    public async Task<ListTunnelFlowsResponse> FlowsAsync(string name, int limit = 0) =>
        await _tunnels.ListTunnelFlowsAsync(
            new ListTunnelFlowsRequest { Name = name, Limit = (uint)limit },
            deadline: DateTime.UtcNow + WaitFor.Patience
        );

    /// <summary>How a relay is.</summary>
    public async Task<V1.Relay> RelayAsync(string name) =>
        (
            await _relays.ListRelaysAsync(
                new ListRelaysRequest { Names = { name } },
                deadline: DateTime.UtcNow + WaitFor.Patience
            )
        ).Relays[0];

    /// <inheritdoc/>
    public void Dispose() => _channel.Dispose();
}
