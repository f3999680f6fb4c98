// SPDX-License-Identifier: BSD-3-Clause

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Console;
using UdpTunnel.Access;
using UdpTunnel.Api;
using UdpTunnel.Config;
using UdpTunnel.Doctor;
using UdpTunnel.Events;
using UdpTunnel.Filter;
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
    // Requests are short and streams end with the daemon, so nobody needs longer to finish; a client that keeps its
    // half of a call open is cut off.
    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(2);

    // As a whole below the 3 s after which people, and service managers of containers, think that it hangs.
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(2);

    // What a connection may have under way that nobody has read: far less than its hundred streams could hold.
    private const int ConnectionWindow = 256 * 1024;
    private const int StreamWindow = 128 * 1024;
    private const int MaxHeaderBytes = 16 * 1024;
    private static readonly TimeSpan HeaderTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Runs until SIGTERM or SIGINT.</summary>
    /// <returns>The exit code: 0, or 1 if it could not start.</returns>
    public static async Task<int> RunAsync(DaemonOptions options)
    {
        var stop = new StopSignals();
        var run = Task.Run(() => RunAsync(options, stop));
        await Task.WhenAny(run, stop.Asked);
        if (!stop.IsHandled)
        {
            // A start goes on to its next tunnel, and ends there; one that hangs in the kernel or a name service never
            // gets to it.
            await Task.WhenAny(run, Task.Delay(StartTimeout));
            if (!run.IsCompleted && !stop.IsHandled)
            {
                await Console.Error.WriteLineAsync("udptunneld: the start hangs; the daemon ends without it");
                stop.Abandoned?.Invoke();
                Environment.Exit(0);
            }
        }

        return await run;
    }

    private static async Task<int> RunAsync(DaemonOptions options, StopSignals stop)
    {
        try
        {
            var operate = UnixGroups.Find(DaemonOptions.OperateGroup);
            var look = options.LookGroup is { } name
                ? UnixGroups.Find(name)
                    ?? throw new IOException($"--look-group: there is no group {Excerpt.Quote(name)}")
                : null;
            var policy = new AccessPolicy(Libc.GetEffectiveUser(), operate, look);
            if (PassedSocket.Take(policy.LookGroup) is var (passed, path))
            {
                using (passed)
                {
                    await RunAsync(options with { Socket = path }, policy, passed, stop);
                }

                return 0;
            }

            using var listener = ControlSocket.Listen(options.Socket, policy.OperateGroup, policy.LookGroup);
            stop.Abandoned = () => File.Delete(options.Socket);
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

    private static async Task RunAsync(
        DaemonOptions options,
        AccessPolicy policy,
        System.Net.Sockets.Socket listener,
        StopSignals stop
    )
    {
        using var hangUp = new HangUp();
        var address = Address(options.Metrics);
        await using var app = Build(options, policy, listener, stop);
        await using var metrics = address is null
            ? null
            : await MetricsServer.StartAsync(address, app.Services.GetRequiredService<DaemonMetrics>(), policy);
        var reload = app.Services.GetRequiredService<DirectoryReload>();
        var manager = app.Services.GetRequiredService<ServiceManager>();
        using var stopping = app.Lifetime.ApplicationStopping.Register(manager.NotifyStopping);
        if (!await StartAsync(app, reload, stop))
        {
            manager.NotifyStopping();
            return;
        }

        var events = app.Services.GetRequiredService<EventLog>();
        if (policy.LookGroup is { } lookGroup && !SocketAcl.Allows(options.Socket, lookGroup.Id))
        {
            LogShut(app.Logger, lookGroup.Name, options.Socket);
        }

        events.Add(
            EventKind.DaemonStarted,
            EventLevel.Info,
            "",
            $"udptunneld {DaemonOptions.Version} is ready at {options.Socket}"
        );
        manager.NotifyReady();

        // The start leaves garbage behind, for which the collector would keep room until as much has come again.
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        stop.Take(app.Lifetime.StopApplication);
        await hangUp.RunAsync(reload, manager, app.Lifetime.ApplicationStopping);
        await app.WaitForShutdownAsync();
    }

    /// <returns>False if the daemon was asked to stop meanwhile.</returns>
    private static async Task<bool> StartAsync(WebApplication app, DirectoryReload reload, StopSignals stop)
    {
        var tunnels = app.Services.GetRequiredService<TunnelHost>();
        var relays = app.Services.GetRequiredService<RelayHost>();
        try
        {
            await tunnels.StartAsync(stop.AskedToken);
            await relays.StartAsync(stop.AskedToken);
            await reload.StartAsync(stop.AskedToken);
            tunnels.ForgetOldSessions();
            await app.StartAsync(stop.AskedToken);
            app.Services.GetRequiredService<DeviceSockets>().Start();
            return true;
        }
        catch (OperationCanceledException) when (stop.AskedToken.IsCancellationRequested)
        {
            stop.IsHandled = true;
            return false;
        }
    }

    private static MetricsAddress? Address(string? text)
    {
        if (text is null)
        {
            return null;
        }

        return MetricsAddress.TryParse(text, out var address, out var error)
            ? address
            : throw new IOException($"--metrics: {error}");
    }

    private static WebApplication Build(
        DaemonOptions options,
        AccessPolicy policy,
        System.Net.Sockets.Socket listener,
        StopSignals stop
    )
    {
        // Nothing of its own accord: the other builders take settings from files and variables that are not ours, and
        // watch the working directory for these, which for a service is all that there is below /.
        var builder = WebApplication.CreateEmptyBuilder(
            new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory }
        );
        builder.WebHost.UseKestrelCore();
        Log(builder.Logging);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.RequestHeadersTimeout = HeaderTimeout;
            kestrel.Limits.MaxRequestHeadersTotalSize = MaxHeaderBytes;
            kestrel.Limits.Http2.InitialConnectionWindowSize = ConnectionWindow;
            kestrel.Limits.Http2.InitialStreamWindowSize = StreamWindow;

            // A write is done when it has left for the caller, so that what nobody reads is seen to wait.
            kestrel.Limits.MaxResponseBufferSize = 0;

            // RequestGate has a bound of its own for each message, which ends the call and not the connection.
            kestrel.Limits.MinRequestBodyDataRate = null;
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
            grpc.MaxReceiveMessageSize = RequestGate.MaxMessage;
            grpc.Interceptors.Add<OperationLog>();
            grpc.Interceptors.Add<AnswerBound>();
            grpc.Interceptors.Add<ErrorInterceptor>();
        });
        builder
            .Services.AddSingleton(options)
            .AddSingleton(TimeProvider.System)
            .AddSingleton(policy)
            .AddSingleton<IHostLifetime>(stop)
            .AddSingleton<RequestGate>()
            .AddSingleton<OperationLog>()
            .AddSingleton<AnswerBound>()
            .AddSingleton<ErrorInterceptor>()
            .AddSingleton<EventLog>()
            .AddSingleton<Watchers>()
            .AddSingleton<CaptureStreams>()
            .AddSingleton<ControlConnections>()
            .AddSingleton<ReflectionApi>()
            .AddSingleton(services => new StateStore(options.StateDirectory, services.GetRequiredService<EventLog>()))
            .AddSingleton(services => new RelayKeyStore(
                options.StateDirectory,
                services.GetRequiredService<EventLog>()
            ))
            .AddSingleton<HostNames>()
            .AddSingleton<Supervised>()
            .AddSingleton(
                new HostAddresses(
                    () => RouteSocket.ListAddresses().Select(a => (a.Address, a.PrefixLength)),
                    () => RouteSocket.ListAddressesV6().Select(a => a.Address)
                )
            )
            .AddSingleton<NetworkChanges>()
            .AddSingleton<TunnelHost>()
            .AddSingleton<RelayHost>()
            .AddSingleton<DeviceSockets>()
            .AddSingleton<DirectoryReload>()
            .AddSingleton<Examination>()
            .AddSingleton<ServiceManager>()
            .AddHostedService<Watchdog>()
            .AddSingleton<DaemonMetrics>();

        var app = builder.Build();
        app.Use(
            (HttpContext context, RequestDelegate next) =>
                app.Services.GetRequiredService<RequestGate>().ServeAsync(context, next)
        );
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

    [LoggerMessage(
        LogLevel.Warning,
        "--look-group: members of {Group} cannot connect; let them: setfacl -m g:{Group}:rw {Path}"
    )]
    private static partial void LogShut(ILogger log, string group, string path);

    private static void Log(ILoggingBuilder logging)
    {
        logging.ClearProviders();

        // What misbehaving clients make the server throw is neither news nor bounded; what goes wrong in here, the
        // interceptors and the gate report.
        logging
            .AddFilter(typeof(EventLog).FullName, LogLevel.Debug)
            .AddFilter("Microsoft", LogLevel.Warning)
            .AddFilter("Microsoft.AspNetCore", LogLevel.Critical)
            .AddFilter("Grpc", LogLevel.None);
        logging.AddConsole(console =>
        {
            console.FormatterName = LogFormatter.FormatterName;
            console.LogToStandardErrorThreshold = LogLevel.Trace;
        });
        logging.Services.AddSingleton<ConsoleFormatter, LogFormatter>();
    }
}
