// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns;

/// <summary>Tunnels that come and go leave nothing behind.</summary>
public sealed class CycleTests
{
    /// <summary>Environment variable: how many cycles instead of 200.</summary>
    private const string CyclesVariable = "UDPTUNNEL_CYCLES";

    // Threads of the runtime's pool come and go; one leaked a cycle would be many more.
    private const int ThreadTolerance = 20;
    private const int DescriptorTolerance = 5;
    private const int KilobytesTolerance = 64 * 1024;

    [Fact]
    public async Task Hundreds_of_ups_and_downs_leak_no_descriptor_device_table_or_thread()
    {
        var cycles = int.Parse(
            Environment.GetEnvironmentVariable(CyclesVariable) ?? "200",
            CultureInfo.InvariantCulture
        );
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        using var api = new ControlApi(lab.Server.Daemon.SocketPath);
        TunnelFile[] files =
        [
            lab.ServerFile with
            {
                Name = "plain",
                TunnelAddress = "10.1.0.1",
                NetworkAddress = ":9001",
            },
            lab.ServerFile with
            {
                Name = "guarded",
                TunnelAddress = "10.2.0.1",
                NetworkAddress = ":9002",
                Firewall = true,
            },
            lab.ClientFile with
            {
                Name = "client",
                TunnelAddress = "10.3.0.1",
                NetworkAddress = "192.0.2.2:9003",
                Offload = "off",
            },
            lab.ClientFile with
            {
                Name = "named",
                TunnelAddress = "10.4.0.1",
                NetworkAddress = "localhost:9004",
                TunnelDevice = "named0",
            },
        ];

        // The first ones load what later ones find.
        await CycleAsync(api, files, 20);
        var id = lab.Server.Daemon.Id;
        var before = ProcessUsage.Of(id);
        await CycleAsync(api, files, cycles);

        await WaitFor.AnswerAsync(
            () => Task.FromResult(ProcessUsage.Of(id)),
            usage =>
                usage.Descriptors <= before.Descriptors + DescriptorTolerance
                && usage.Threads <= before.Threads + ThreadTolerance,
            $"descriptors and threads as before: {before}"
        );
        var after = ProcessUsage.Of(id);
        TestContext.Current.TestOutputHelper?.WriteLine($"{cycles} cycles: {before} before, {after} after");
        Assert.True(
            after.ResidentKilobytes < before.ResidentKilobytes + KilobytesTolerance,
            $"{before} before, {after} after"
        );
        Assert.Equal(
            [(await lab.ServerStatusAsync()).Device, Lab.Link],
            (await lab.Server.Namespace.DevicesAsync()).Order().Reverse()
        );
        Assert.Equal("", await lab.Server.Namespace.RunAsync("nft", "list", "tables"));
        Assert.Equal(["t"], await lab.Server.Control.TunnelsAsync());
        Assert.Equal(5, await lab.Client.PingAsync("10.0.0.1", count: 5));
        Assert.Equal(0, await lab.Server.Daemon.TerminateAsync());
    }

    /// <summary>Each with another file in turn, so that some meet what the one before just left.</summary>
    private static async Task CycleAsync(ControlApi api, TunnelFile[] files, int cycles)
    {
        for (var i = 0; i < cycles; i++)
        {
            var file = files[i % files.Length];
            await api.UpAsync(file);
            await api.DownAsync(file.Name);
        }
    }
}
