// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using UdpTunnel.Tests.Api.Daemon;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Api;

/// <summary>The metrics of a running daemon, as a scraper sees them.</summary>
public sealed partial class MetricsTests
{
    private const string Promtool = "/usr/bin/promtool";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Promtool_has_nothing_to_say_about_them()
    {
        Requirements.Program(Promtool, "prometheus");
        Requirements.Tun();
        using var directory = new TemporaryDirectory();
        await using var daemon = await StartAsync(directory);
        await StartSomeAsync(daemon);
        await File.WriteAllTextAsync(directory["text"], await ScrapeAsync(directory), Cancellation);

        var (exitCode, output, errors) = await ChildProcess.RunAsync(
            "sh",
            "-c",
            $"exec {Promtool} check metrics < {directory["text"]}"
        );

        Assert.Equal((0, "", ""), (exitCode, output, errors));
    }

    [Fact]
    public async Task They_are_the_counters_of_the_API()
    {
        Requirements.Tun();
        using var directory = new TemporaryDirectory();
        await using var daemon = await StartAsync(directory);
        await StartSomeAsync(daemon);

        // A datagram without the magic, to the tunnel; it is counted as dropped.
        await ChildProcess.RunAsync(daemon.InNamespace($"echo stray > /dev/udp/127.0.0.1/{Configurations.Port(1)}"));
        Tunnel? tunnel = null;
        await Eventually.BecomesTrueAsync(
            async () =>
            {
                tunnel = (
                    await daemon.Channel.Tunnels.ListTunnelsAsync(
                        new ListTunnelsRequest { Names = { "server" } },
                        cancellationToken: Cancellation
                    )
                ).Tunnels[0];
                return tunnel.Counters.Drops.Count > 0 && tunnel.State == TunnelState.Running;
            },
            () => "the tunnel does not run, or the drop is not counted"
        );

        var text = await ScrapeAsync(directory);
        Assert.Equal(
            1,
            Value(text, "udptunnel_drops_total{tunnel=\"server\",relay=\"\",direction=\"in\",reason=\"magic\"}")
        );
        Assert.Equal(1, Value(text, "udptunnel_tunnel_state{tunnel=\"server\",state=\"running\"}"));
        Assert.Equal(0, Value(text, "udptunnel_tunnel_state{tunnel=\"server\",state=\"failed\"}"));
        Assert.True(
            Value(text, "udptunnel_tunnel_heartbeats_total{tunnel=\"server\",direction=\"in\"}")
                >= tunnel!.Counters.HeartbeatsIn
        );
        Assert.Equal(tunnel.Mtu, Value(text, "udptunnel_tunnel_mtu_bytes{tunnel=\"server\"}"));
        Assert.Equal(1, Value(text, "udptunnel_relay_state{relay=\"receiver\",state=\"waiting\"}"));
        Assert.Equal(10_000, Value(text, "udptunnel_relay_flows_limit{relay=\"receiver\"}"));
        Assert.Equal(2, Value(text, "udptunnel_events_total{kind=\"tunnel_started\"}"));
        Assert.Equal(0, Value(text, "udptunnel_events_total{kind=\"receiver_key_changed\"}"));
    }

    [Fact]
    public async Task Alerts_and_board_speak_of_metrics_that_there_are()
    {
        Requirements.Program(Promtool, "prometheus");
        Requirements.Tun();
        using var directory = new TemporaryDirectory();
        await using var daemon = await StartAsync(directory);
        await StartSomeAsync(daemon);
        var packaging = Path.Combine(AppContext.BaseDirectory, "packaging");
        foreach (
            var check in new[]
            {
                "check rules prometheus/udptunnel.rules.yml",
                "test rules prometheus/udptunnel.test.yml",
            }
        )
        {
            var (exitCode, output, errors) = await ChildProcess.RunAsync(
                "sh",
                "-c",
                $"cd {packaging} && exec {Promtool} {check}"
            );
            Assert.True(exitCode == 0, output + errors);
        }

        var there = MetricName().Matches(await ScrapeAsync(directory)).Select(m => m.Value).ToHashSet();
        var documented = MetricName()
            .Matches(await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "metrics.md"), Cancellation))
            .Select(m => m.Value)
            .ToHashSet();
        Assert.Equal(there.Order(), documented.Order());
        foreach (
            var file in new[]
            {
                "prometheus/udptunnel.rules.yml",
                "prometheus/udptunnel.test.yml",
                "grafana/udptunnel.json",
            }
        )
        {
            var used = MetricName()
                .Matches(await File.ReadAllTextAsync(Path.Combine(packaging, file), Cancellation))
                .Select(m => m.Value);
            Assert.Equal([], used.Except(there));
        }
    }

    /// <summary>Two hosts may each have a tunnel "home": a curve names the host, and no sum mixes hosts.</summary>
    [Fact]
    public async Task The_board_keeps_hosts_apart()
    {
        var file = Path.Combine(AppContext.BaseDirectory, "packaging", "grafana/udptunnel.json");
        using var board = JsonDocument.Parse(await File.ReadAllTextAsync(file, Cancellation));
        var panels = board.RootElement.GetProperty("panels").EnumerateArray().ToList();
        var curves = panels
            .Where(p => p.GetProperty("type").GetString() == "timeseries")
            .SelectMany(p => p.GetProperty("targets").EnumerateArray())
            .ToList();

        Assert.NotEmpty(curves);
        Assert.All(curves, c =>
        {
            Assert.Contains("{{instance}}", c.GetProperty("legendFormat").GetString(), StringComparison.Ordinal);
            Assert.DoesNotMatch(@"\bby \((?!instance\b)", c.GetProperty("expr").GetString());
            Assert.DoesNotMatch(@"\bsum ?\(", c.GetProperty("expr").GetString());
        });
        var table = Assert.Single(panels, p => p.GetProperty("type").GetString() == "table");
        Assert.All(table.GetProperty("targets").EnumerateArray(), t =>
            Assert.Contains("instance", t.GetProperty("expr").GetString(), StringComparison.Ordinal)
        );

        // Nothing covers anything else.
        var places = panels.Select(p => p.GetProperty("gridPos")).ToList();
        int Of(JsonElement place, string what) => place.GetProperty(what).GetInt32();
        var cells = places.SelectMany(p =>
            from x in Enumerable.Range(Of(p, "x"), Of(p, "w"))
            from y in Enumerable.Range(Of(p, "y"), Of(p, "h"))
            select (x, y)
        );
        Assert.Equal([], cells.GroupBy(c => c).Where(g => g.Count() > 1).Select(g => g.Key));
        Assert.Equal(panels.Count, panels.Select(p => p.GetProperty("id").GetInt32()).Distinct().Count());
    }

    [Fact]
    public async Task The_socket_is_for_those_who_may_use_the_control_socket_and_goes_with_the_daemon()
    {
        using var directory = new TemporaryDirectory();
        await using var daemon = await StartAsync(directory);

        Assert.Equal(File.GetUnixFileMode(daemon.SocketPath), File.GetUnixFileMode(directory["metrics"]));
        Assert.Equal(0, await daemon.StopAsync());
        Assert.False(File.Exists(directory["metrics"]));
    }

    [Fact]
    public async Task Nothing_but_metrics_is_behind_the_address()
    {
        using var directory = new TemporaryDirectory();
        await using var daemon = await StartAsync(directory);
        using var client = Client(directory["metrics"]);

        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync("http://localhost/", Cancellation)).StatusCode);
        Assert.Equal(
            HttpStatusCode.MethodNotAllowed,
            (await client.DeleteAsync("http://localhost/metrics", Cancellation)).StatusCode
        );
        using var call = new HttpRequestMessage(
            HttpMethod.Post,
            "http://localhost/udptunnel.v1.TunnelService/ListTunnels"
        )
        {
            Content = new ByteArrayContent([]),
        };
        call.Content.Headers.ContentType = new("application/grpc");
        Assert.Equal(HttpStatusCode.NotFound, (await client.SendAsync(call, Cancellation)).StatusCode);
        using var control = new ControlChannel(directory["metrics"]);
        await Assert.ThrowsAsync<Grpc.Core.RpcException>(() =>
            control.Daemon.GetDaemonAsync(new GetDaemonRequest(), cancellationToken: Cancellation).ResponseAsync
        );
    }

    [Fact]
    public async Task A_loopback_address_serves_too()
    {
        await using var daemon = await DaemonProcess.StartAsync(
            new DaemonSetup { Options = ["--metrics", "127.0.0.1:9586"] }
        );
        Requirements.Program("/usr/bin/python3", "python3");

        var (exitCode, output, errors) = await ChildProcess.RunAsync(
            daemon.InNamespace(
                "python3 -c 'import urllib.request as u; print(u.urlopen(\"http://127.0.0.1:9586/metrics\").read().decode())'"
            )
        );

        Assert.True(exitCode == 0, errors);
        Assert.Contains("\nudptunnel_build_info{version=\"", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0.0.0.0:9586", "can be reached from elsewhere")]
    [InlineData("localhost:9586", "names no address")]
    [InlineData("unix:metrics.sock", "no path from the root")]
    public async Task Another_address_is_refused_before_anything_starts(string address, string reason)
    {
        var (exitCode, errors) = await DaemonProcess.RefusesAsync(new DaemonSetup { Options = ["--metrics", address] });

        Assert.Equal(1, exitCode);
        Assert.StartsWith("udptunneld: --metrics: ", errors, StringComparison.Ordinal);
        Assert.Contains(reason, errors, StringComparison.Ordinal);
    }

    /// <remarks>
    /// Connections of strangers on the host are bounded, and none of them keeps the daemon from ending.
    /// </remarks>
    [Fact]
    public async Task Many_connections_that_say_nothing_hinder_neither_a_call_nor_the_end()
    {
        using var directory = new TemporaryDirectory();
        await using var daemon = await StartAsync(directory);
        var sockets = new List<Socket>();
        try
        {
            for (var i = 0; i < 100; i++)
            {
                sockets.Add(await ControlChannel.ConnectAsync(directory["metrics"], Cancellation));
                await sockets[^1].SendAsync(Encoding.ASCII.GetBytes("GET /metrics HTT"), Cancellation);
            }

            await daemon.Channel.Daemon.GetDaemonAsync(
                new GetDaemonRequest(),
                deadline: DateTime.UtcNow.AddSeconds(10),
                cancellationToken: Cancellation
            );
            daemon.Process.Terminate();
            Assert.Equal(0, await daemon.Process.WaitAsync().WaitAsync(TimeSpan.FromSeconds(5), Cancellation));
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
        {
            Assert.True(sockets.Count > 10, "connections are closed that there is room for");
        }
        finally
        {
            sockets.ForEach(s => s.Dispose());
        }
    }

    private static Task<DaemonProcess> StartAsync(TemporaryDirectory directory) =>
        DaemonProcess.StartAsync(new DaemonSetup { Options = ["--metrics", $"unix:{directory["metrics"]}"] });

    /// <summary>Two ends of a tunnel and a receiver.</summary>
    private static async Task StartSomeAsync(DaemonProcess daemon)
    {
        await daemon.Channel.Tunnels.StartTunnelAsync(
            Configurations.Start("server", 1),
            cancellationToken: Cancellation
        );
        await daemon.Channel.Tunnels.StartTunnelAsync(
            new StartTunnelRequest
            {
                Name = "client",
                Configuration = Configurations.Client(1).Replace("10.99.1.2", "10.98.1.2", StringComparison.Ordinal),
            },
            cancellationToken: Cancellation
        );
        await daemon.Channel.Relays.StartRelayAsync(
            new StartRelayRequest
            {
                Name = "receiver",
                Configuration = """{"Relay": "receiver", "UdpAddress": ":7001", "TcpAddress": ":7001"}""",
            },
            cancellationToken: Cancellation
        );
    }

    private static async Task<string> ScrapeAsync(TemporaryDirectory directory)
    {
        using var client = Client(directory["metrics"]);
        using var answer = await client.GetAsync("http://localhost/metrics", Cancellation);
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", answer.Content.Headers.ContentType?.ToString());
        return await answer.Content.ReadAsStringAsync(Cancellation);
    }

    private static HttpClient Client(string path) =>
        new(
            new SocketsHttpHandler
            {
                UseProxy = false,
                ConnectCallback = async (_, cancellation) =>
                    new NetworkStream(await ControlChannel.ConnectAsync(path, cancellation), ownsSocket: true),
            }
        );

    private static double Value(string text, string series)
    {
        var line = text.Split('\n').SingleOrDefault(l => l.StartsWith(series + " ", StringComparison.Ordinal));
        Assert.True(line is not null, $"{series} is not in\n{text}");
        return double.Parse(line[(series.Length + 1)..], CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"\budptunnel_[a-z_]+[a-z]\b(?=[^/.\w]|$)")]
    private static partial Regex MetricName();
}
