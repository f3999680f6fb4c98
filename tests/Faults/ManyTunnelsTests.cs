// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Faults;

/// <summary>Very many tunnels of one daemon.</summary>
public sealed class ManyTunnelsTests
{
    /// <summary>
    /// Environment variable: how many tunnels run instead of 100; the kernel takes its time to make and remove the
    /// devices.
    /// </summary>
    private const string TunnelsVariable = "UDPTUNNEL_TUNNELS";

    private const int Stored = 1000;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private static int Running =>
        int.Parse(Environment.GetEnvironmentVariable(TunnelsVariable) ?? "100", CultureInfo.InvariantCulture);

    [Fact]
    public async Task Very_many_tunnels_that_are_started_at_once_all_run_and_all_come_back_after_a_kill()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        var daemon = lab.Server.Daemon;
        var clock = Stopwatch.StartNew();
        using (var api = new ControlApi(daemon.SocketPath))
        {
            await Task.WhenAll(Enumerable.Range(0, Running).Select(i => api.UpAsync(File(lab, i), Patience)));
        }

        var up = clock.Elapsed;
        Assert.Equal(Running + 1, (await daemon.Control.TunnelsAsync()).Length);
        Assert.Equal(3, await lab.Client.PingAsync("10.0.0.1", count: 3));
        await lab.Client.Daemon.UpAsync(
            File(lab, 77) with
            {
                Name = "to77",
                TunnelAddress = Address(77, 2),
                NetworkAddress = Port(77, "192.0.2.1"),
                HeartbeatInterval = 1,
            }
        );
        await lab.Client.WaitForPingAsync(Address(77, 1)[..^3]);
        var usage = ProcessUsage.Of(daemon.Id);

        clock.Restart();
        await daemon.KillAsync(Patience);
        var gone = clock.Elapsed;
        clock.Restart();
        await daemon.StartAsync();
        await lab.Client.WaitForPingAsync(Address(77, 1)[..^3], Patience);
        var back = clock.Elapsed;
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{Running} tunnels up after {up.TotalSeconds:0.0} s, killed in {gone.TotalSeconds:0.0} s, back after {back.TotalSeconds:0.0} s; {usage}"
        );
    }

    [Fact]
    public async Task A_thousand_stored_tunnels_that_cannot_start_hold_up_nobody()
    {
        await using var lab = await Lab.TwoHostsAsync();
        var daemon = lab.Server.Daemon;
        var tunnels = Directory.CreateDirectory(Path.Combine(daemon.StateDirectory, "tunnels")).FullName;
        using var taken = lab.Server.Open(SocketType.Dgram);
        taken.Bind(new IPEndPoint(IPAddress.Any, 9999));
        for (var i = 0; i < Stored; i++)
        {
            var file = File(lab, i) with { NetworkAddress = ":9999" };
            await System.IO.File.WriteAllTextAsync(
                Path.Combine(tunnels, $"{file.Name}.json"),
                file.ToJson(),
                TestContext.Current.CancellationToken
            );
        }

        await daemon.StartAsync();
        Assert.Equal(Stored, (await daemon.Control.TunnelsAsync()).Length);
        var before = Process.GetProcessById(daemon.Id).TotalProcessorTime;
        var clock = Stopwatch.StartNew();
        await daemon.UpAsync(lab.ServerFile);
        var waited = clock.Elapsed;
        await Task.Delay(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
        var used = (Process.GetProcessById(daemon.Id).TotalProcessorTime - before) / clock.Elapsed;
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{Stored} failing tunnels: {used:P1} of a core, a new one waited {waited.TotalSeconds:0.00} s"
        );
        Assert.Equal("waiting", (await lab.ServerStatusAsync()).State);
    }

    private static TunnelFile File(Lab lab, int i) =>
        lab.ServerFile with
        {
            Name = string.Create(CultureInfo.InvariantCulture, $"many{i}"),
            TunnelAddress = Address(i, 1),
            NetworkAddress = Port(i, ""),
        };

    private static string Address(int i, int host) =>
        string.Create(CultureInfo.InvariantCulture, $"10.{1 + (i / 250)}.{i % 250}.{host}/30");

    private static string Port(int i, string address) =>
        string.Create(CultureInfo.InvariantCulture, $"{address}:{20_000 + i}");
}
