// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client;
using UdpTunnel.Tests.Harness;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Netns;

/// <summary>A flood of calls costs the daemon's processor time, and no packet.</summary>
public sealed class ApiFloodTests
{
    private const int Callers = 16;
    private const int Streams = 1000;
    private const int Pings = 20;

    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(3);

    [Fact]
    public async Task No_packet_is_lost_while_callers_flood_the_daemon_with_calls_and_open_a_thousand_streams()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        await lab.Client.WaitForPingAsync("10.0.0.1");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        using var channel = Open(lab.Server.Daemon.SocketPath);
        var tunnels = new TunnelService.TunnelServiceClient(channel);
        var streams = Enumerable
            .Range(0, Streams)
            .Select(_ => tunnels.WatchTunnels(new WatchTunnelsRequest(), cancellationToken: stop.Token))
            .ToList();
        var flood = Enumerable.Range(0, Callers).Select(_ => Task.Run(() => FloodAsync(tunnels, stop.Token))).ToList();

        var (sent, answered) = (0, 0);
        for (var since = Stopwatch.StartNew(); since.Elapsed < Duration; sent += Pings)
        {
            answered += await lab.Client.PingAsync("10.0.0.1", Pings);
        }

        var status = await lab.ServerStatusAsync();
        await stop.CancelAsync();

        Assert.Equal(sent, answered);
        Assert.Equal(0, status.AllDrops);
        Assert.True((await Task.WhenAll(flood)).Sum() > 1000, "that was no flood");
        streams.ForEach(s => s.Dispose());

        // Whoever comes after the flood is served as before.
        await lab.Client.WaitForPingAsync("10.0.0.1");
        Assert.Equal(0, (await lab.Server.Control.RunAsync("status")).ExitCode);
    }

    /// <returns>How many calls were answered, with whatever.</returns>
    private static async Task<int> FloodAsync(TunnelService.TunnelServiceClient tunnels, CancellationToken stop)
    {
        var calls = 0;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await tunnels.ListTunnelsAsync(new ListTunnelsRequest(), cancellationToken: stop);
                await tunnels.StartTunnelAsync(
                    new StartTunnelRequest { Name = "x", Configuration = "{" },
                    cancellationToken: stop
                );
            }
            catch (RpcException e)
                when (e.StatusCode is StatusCode.InvalidArgument or StatusCode.Cancelled or StatusCode.Unavailable)
            {
                calls += 2;
            }
        }

        return calls;
    }

    private static GrpcChannel Open(string socketPath) =>
        GrpcChannel.ForAddress(
            "http://localhost",
            new GrpcChannelOptions
            {
                DisposeHttpClient = true,
                HttpHandler = new SocketsHttpHandler
                {
                    UseProxy = false,
                    EnableMultipleHttp2Connections = true,
                    ConnectCallback = async (_, cancellation) =>
                    {
                        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                        await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancellation);
                        return new NetworkStream(socket, ownsSocket: true);
                    },
                },
            }
        );
}
