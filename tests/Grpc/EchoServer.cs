using System.Net.Sockets;
using Grpc.AspNetCore.Server;
using Grpc.Net.Client;
using Grpc.Tests.Protos;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Grpc.Tests;

/// <summary>A real Kestrel on a Unix socket in a directory of its own, and a channel to it.</summary>
internal sealed class EchoServer : IAsyncDisposable
{
    private readonly DirectoryInfo _directory;
    private readonly WebApplication _application;
    private readonly List<IDisposable> _toDispose = [];

    private EchoServer(DirectoryInfo directory, WebApplication application, EchoService service)
    {
        _directory = directory;
        _application = application;
        Service = service;
        Channel = Connect();
    }

    /// <summary>The service behind the socket.</summary>
    public EchoService Service { get; }

    /// <summary>A channel with the default options.</summary>
    public GrpcChannel Channel { get; }

    /// <summary>A client of <see cref="Channel"/>.</summary>
    public Echo.EchoClient Client => new(Channel);

    /// <summary>Where the server listens.</summary>
    public string SocketPath => SocketIn(_directory);

    /// <summary>Starts a server.</summary>
    /// <param name="configure">Changes the options of all services.</param>
    /// <param name="map">Adds more services.</param>
    public static async Task<EchoServer> StartAsync(
        Action<GrpcServiceOptions>? configure = null, Action<WebApplication>? map = null)
    {
        var directory = Directory.CreateTempSubdirectory("grpc-tests-");
        var service = new EchoService();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options =>
            options.ListenUnixSocket(SocketIn(directory), listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddRouting();
        builder.Services.AddGrpc(options => configure?.Invoke(options));
        builder.Services.AddSingleton(service);
        var application = builder.Build();
        application.MapGrpcService<EchoService>();
        application.MapGrpcService<EverythingService>();
        map?.Invoke(application);
        await application.StartAsync(TestContext.Current.CancellationToken);
        return new EchoServer(directory, application, service);
    }

    /// <summary>Makes the handler that reaches a Unix socket, whatever host the request names.</summary>
    public static SocketsHttpHandler HandlerFor(string socketPath) => new()
    {
        UseProxy = false,
        ConnectCallback = async (_, cancellationToken) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        },
    };

    /// <summary>Makes one more channel to the server; it goes with the server.</summary>
    public GrpcChannel Connect(Action<GrpcChannelOptions>? configure = null)
    {
        var handler = HandlerFor(SocketPath);
        var options = new GrpcChannelOptions { HttpHandler = handler };
        configure?.Invoke(options);
        var channel = GrpcChannel.ForAddress("http://localhost", options);
        _toDispose.AddRange([channel, handler]);
        return channel;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var item in _toDispose)
        {
            item.Dispose();
        }

        await _application.DisposeAsync();
        _directory.Delete(recursive: true);
    }

    private static string SocketIn(DirectoryInfo directory) => Path.Combine(directory.FullName, "server.sock");
}
