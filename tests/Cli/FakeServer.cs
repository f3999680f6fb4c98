// SPDX-License-Identifier: BSD-3-Clause

using Grpc.AspNetCore.Server.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace UdpTunnel.Tests.Cli;

/// <summary>
/// A real Kestrel on a Unix socket in a directory of its own, with <see cref="FakeDaemon"/> behind it.
/// </summary>
internal sealed class FakeServer : IAsyncDisposable
{
    private readonly DirectoryInfo _directory;
    private readonly WebApplication _application;

    private FakeServer(DirectoryInfo directory, WebApplication application, FakeDaemon daemon)
    {
        _directory = directory;
        _application = application;
        Daemon = daemon;
    }

    /// <summary>What it answers.</summary>
    public FakeDaemon Daemon { get; }

    /// <summary>Where it listens.</summary>
    public string SocketPath => Path.Combine(_directory.FullName, "s");

    public static async Task<FakeServer> StartAsync()
    {
        var directory = Directory.CreateTempSubdirectory("ctl-");
        var daemon = new FakeDaemon();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder
            .WebHost.UseKestrelCore()
            .ConfigureKestrel(options =>
                options.ListenUnixSocket(Path.Combine(directory.FullName, "s"), listen =>
                    listen.Protocols = HttpProtocols.Http2
                )
            );
        builder.Services.AddRouting();
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(daemon);
        builder.Services.AddSingleton<IServiceMethodProvider<FakeDaemon>, FakeMethods>();
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(o =>
            o.ShutdownTimeout = TimeSpan.FromMilliseconds(100)
        );
        var application = builder.Build();
        application.MapGrpcService<FakeDaemon>();
        await application.StartAsync(TestContext.Current.CancellationToken);
        return new FakeServer(directory, application, daemon);
    }

    /// <summary>A file beside the socket.</summary>
    public string File(string name, string text)
    {
        var path = Path.Combine(_directory.FullName, name);
        System.IO.File.WriteAllText(path, text);
        return path;
    }

    /// <summary>The path of a file beside the socket.</summary>
    public string File(string name) => Path.Combine(_directory.FullName, name);

    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        _directory.Delete(recursive: true);
    }
}
