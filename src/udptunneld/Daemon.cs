using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Console;
using UdpTunnel.Access;
using UdpTunnel.Api;
using UdpTunnel.Config;
using UdpTunnel.Doctor;
using UdpTunnel.Events;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.Metrics;
using UdpTunnel.Relay;
using UdpTunnel.Reload;
using UdpTunnel.Service;
using UdpTunnel.State;
using UdpTunnel.Tunnel;

namespace UdpTunnel;

/// <summary>Puts the parts together: state, tunnels, and the control API on its socket.</summary>
internal static partial class Daemon
{
    // Requests are short and streams end with the daemon, so nobody needs longer to finish; a client that keeps its half of a call open is cut off.
    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(2);

    // A configuration of 1 MiB and what is around it.
    private const int MaxRequest = 2 * 1024 * 1024;

    /// <summary>Runs until SIGTERM or SIGINT.</summary>
    /// <returns>The exit code: 0, or 1 if it could not start.</returns>
    public static async Task<int> RunAsync(DaemonOptions options)
    {
        var stop = new StopSignals();
        try
        {
            var operate = UnixGroups.Find(DaemonOptions.OperateGroup);
            var look = options.LookGroup is { } name
                ? UnixGroups.Find(name) ?? throw new IOException($"--look-group: there is no group {Excerpt.Quote(name)}")
                : null;
            var policy = new AccessPolicy(Libc.GetEffectiveUser(), operate, look);
            if (PassedSocket.Take() is var (passed, path))
            {
                using (passed)
                {
                    await RunAsync(options with { Socket = path }, policy, passed, stop);
                }

                return 0;
            }

            using var listener = ControlSocket.Listen(options.Socket, policy.OperateGroup, policy.LookGroup);
            try
            {
                await RunAsync(options, policy, listener, stop);
            }
            finally
            {
                File.Delete(options.Socket);
            }

            return 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or LinuxException)
        {
            await Console.Error.WriteLineAsync($"udptunneld: {e.Message}");
            return 1;
        }
    }

    private static async Task RunAsync(DaemonOptions options, AccessPolicy policy, System.Net.Sockets.Socket listener, StopSignals stop)
    {
        using var hangUp = new HangUp();
        var address = Address(options.Metrics);
        await using var app = Build(options, policy, listener, stop);
        await using var metrics = address is null
            ? null
            : await MetricsServer.StartAsync(address, app.Services.GetRequiredService<DaemonMetrics>(), policy);
        var events = app.Services.GetRequiredService<EventLog>();
        var host = app.Services.GetRequiredService<TunnelHost>();
        var relays = app.Services.GetRequiredService<RelayHost>();
        relays.Table.ShareNamesWith(host.Table);
        var reload = app.Services.GetRequiredService<DirectoryReload>();
        var manager = app.Services.GetRequiredService<ServiceManager>();
        using var stopping = app.Lifetime.ApplicationStopping.Register(manager.TellStopping);
        await host.StartAsync();
        await relays.StartAsync();
        await reload.StartAsync();
        host.ForgetOldSessions();
        await app.StartAsync();
        events.Add(EventKind.DaemonStarted, EventLevel.Info, "", $"udptunneld {DaemonOptions.Version} is ready at {options.Socket}");
        manager.TellReady();

        // Not before, since what has started in part says that it failed.
        stop.Asked.GetAwaiter().OnCompleted(app.Lifetime.StopApplication);
        await hangUp.RunAsync(reload, manager, app.Lifetime.ApplicationStopping);
        await app.WaitForShutdownAsync();
    }

    private static MetricsAddress? Address(string? text)
    {
        if (text is null)
        {
            return null;
        }

        return MetricsAddress.TryParse(text, out var address, out var error) ? address : throw new IOException($"--metrics: {error}");
    }

    private static WebApplication Build(DaemonOptions options, AccessPolicy policy, System.Net.Sockets.Socket listener, StopSignals stop)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = [] });
        Log(builder.Logging);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.ListenHandle((ulong)listener.Handle, listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                var connections = kestrel.ApplicationServices.GetRequiredService<ControlConnections>();
                listen.Use(next => connection => connections.ServeAsync(connection, next));
            });
        });
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = ShutdownTimeout);
        builder.Services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = MaxRequest;
            grpc.Interceptors.Add<AccessInterceptor>();
            grpc.Interceptors.Add<ErrorInterceptor>();
        });
        builder.Services
            .AddSingleton(options)
            .AddSingleton(TimeProvider.System)
            .AddSingleton(policy)
            .AddSingleton<IHostLifetime>(stop)
            .AddSingleton<AccessInterceptor>()
            .AddSingleton<ErrorInterceptor>()
            .AddSingleton<EventLog>()
            .AddSingleton<Watchers>()
            .AddSingleton<ControlConnections>()
            .AddSingleton<ReflectionApi>()
            .AddSingleton(services => new StateStore(options.StateDirectory, services.GetRequiredService<EventLog>()))
            .AddSingleton(services => new RelayKeyStore(options.StateDirectory, services.GetRequiredService<EventLog>()))
            .AddSingleton<TunnelHost>()
            .AddSingleton<RelayHost>()
            .AddSingleton<DirectoryReload>()
            .AddSingleton<Examination>()
            .AddSingleton<ServiceManager>()
            .AddHostedService<Watchdog>()
            .AddSingleton<DaemonMetrics>();

        var app = builder.Build();
        app.MapGrpcService<DaemonApi>();
        app.MapGrpcService<EventApi>();
        app.MapGrpcService<TunnelApi>();
        app.MapGrpcService<RelayApi>();
        app.MapGrpcService<HealthApi>();
        app.MapGrpcService<ReflectionApi>();
        app.MapGrpcService<ReflectionAlphaApi>();
        app.Services.GetRequiredService<StateStore>().Lock();
        _ = app.Services.GetRequiredService<RelayKeyStore>();
        return app;
    }

    private static void Log(ILoggingBuilder logging)
    {
        logging.ClearProviders();
        logging.AddFilter("Microsoft", LogLevel.Warning).AddFilter("Grpc", LogLevel.Warning);
        logging.AddConsole(console =>
        {
            console.FormatterName = LogFormatter.FormatterName;
            console.LogToStandardErrorThreshold = LogLevel.Trace;
        });
        logging.Services.AddSingleton<ConsoleFormatter, LogFormatter>();
    }
}
