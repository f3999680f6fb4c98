// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client;
using UdpTunnel.V1;
using HealthClient = Grpc.Health.V1.Health.HealthClient;
using ReflectionClient = Grpc.Reflection.V1.ServerReflection.ServerReflectionClient;

namespace UdpTunnel.Tests.Api.Daemon;

/// <summary>A gRPC channel to a control socket and the services behind it.</summary>
internal sealed class ControlChannel : IDisposable
{
    private readonly GrpcChannel _channel;

    public ControlChannel(string socketPath)
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,

            // The daemon allows 100 streams on a connection; tests open more.
            EnableMultipleHttp2Connections = true,
            ConnectCallback = async (_, cancellation) =>
                new NetworkStream(await ConnectAsync(socketPath, cancellation), ownsSocket: true),
        };
        _channel = GrpcChannel.ForAddress(
            "http://localhost",
            new GrpcChannelOptions
            {
                HttpHandler = handler,
                DisposeHttpClient = true,
                MaxReceiveMessageSize = null,
            }
        );
        Invoker = _channel.CreateCallInvoker();
    }

    /// <summary>Makes any call.</summary>
    public CallInvoker Invoker { get; }

    public DaemonService.DaemonServiceClient Daemon => new(Invoker);

    public EventService.EventServiceClient Events => new(Invoker);

    public TunnelService.TunnelServiceClient Tunnels => new(Invoker);

    public RelayService.RelayServiceClient Relays => new(Invoker);

    public HealthClient Health => new(Invoker);

    public ReflectionClient Reflection => new(Invoker);

    /// <inheritdoc/>
    public void Dispose() => _channel.Dispose();

    /// <summary>A raw connection.</summary>
    public static async Task<Socket> ConnectAsync(string path, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
