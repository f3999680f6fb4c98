// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using UdpTunnel.Access;
using UdpTunnel.Linux;

namespace UdpTunnel.Metrics;

/// <summary>
/// Serves the metrics at <c>GET /metrics</c>. A server of its own, so that nothing of the control API can be reached
/// through it. A Unix socket has the owner, the mode and the groups of the control socket.
/// </summary>
internal sealed class MetricsServer : IAsyncDisposable
{
    private const string Path = "/metrics";

    private const int MaxHeaderBytes = 8 * 1024;

    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(1);

    // Scrapers send their few bytes at once, and come back with another connection as well as with the old one.
    private static readonly TimeSpan HeaderTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan IdleTimeout = TimeSpan.FromSeconds(15);

    private readonly WebApplication _app;
    private readonly Socket? _socket;
    private readonly string? _socketPath;

    private MetricsServer(WebApplication app, Socket? socket, string? socketPath)
    {
        _app = app;
        _socket = socket;
        _socketPath = socketPath;
    }

    /// <summary>Serves until disposed of.</summary>
    /// <param name="address">Where.</param>
    /// <param name="metrics">What.</param>
    /// <param name="policy">Whose groups may use a Unix socket.</param>
    /// <exception cref="IOException">The address or path is taken, or there is no such address.</exception>
    public static async Task<MetricsServer> StartAsync(
        MetricsAddress address,
        DaemonMetrics metrics,
        AccessPolicy policy
    )
    {
        var socket = address.SocketPath is { } path
            ? ControlSocket.Listen(path, policy.OperateGroup, policy.LookGroup)
            : null;
        var server = new MetricsServer(
            Build(address, socket, metrics, new MetricsConnections(policy)),
            socket,
            address.SocketPath
        );
        try
        {
            await server._app.StartAsync();
            return server;
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            await server.DisposeAsync();
            throw new IOException($"--metrics: {e.Message}");
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _socket?.Dispose();
        if (_socketPath is not null)
        {
            File.Delete(_socketPath);
        }
    }

    private static WebApplication Build(
        MetricsAddress address,
        Socket? socket,
        DaemonMetrics metrics,
        MetricsConnections connections
    )
    {
        var builder = WebApplication.CreateEmptyBuilder(
            new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory }
        );
        builder.WebHost.UseKestrelCore();

        // What strangers send is not worth a line each.
        builder.Logging.ClearProviders();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = ShutdownTimeout);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 0;
            kestrel.Limits.MaxRequestHeadersTotalSize = MaxHeaderBytes;
            kestrel.Limits.RequestHeadersTimeout = HeaderTimeout;
            kestrel.Limits.KeepAliveTimeout = IdleTimeout;
            if (socket is not null)
            {
                kestrel.ListenHandle((ulong)socket.Handle, Listen);
            }
            else
            {
                kestrel.Listen(address.Endpoint!, Listen);
            }
        });
        var app = builder.Build();
        app.Run(context => AnswerAsync(context, metrics));
        return app;

        void Listen(ListenOptions listen)
        {
            listen.Protocols = HttpProtocols.Http1;
            listen.Use(next => connection => connections.ServeAsync(connection, next));
        }
    }

    private static async Task AnswerAsync(HttpContext context, DaemonMetrics metrics)
    {
        var response = context.Response;
        if (context.Request.Path != Path)
        {
            response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
        {
            response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            response.Headers.Allow = "GET, HEAD";
            return;
        }

        response.ContentType = MetricsText.ContentType;
        foreach (var family in metrics.Collect())
        {
            // Family by family: one who does not read holds no more than one of them.
            MetricsText.Write(response.BodyWriter, family);
            await response.BodyWriter.FlushAsync(context.RequestAborted);
        }
    }
}
