// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using Grpc.Core;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Faults;

/// <summary>A client asks for more tunnels than there may be.</summary>
public sealed class TenThousandTunnelsTests
{
    private const int Asked = 10_000;
    private const int Most = 1024;

    /// <summary>Places that are left: each takes a device, whose end the kernel takes 20 ms for.</summary>
    private const int Free = 24;

    private const int AtOnce = 32;
    private const int MaxGrowthKilobytes = 96 * 1024;

    [Fact]
    public async Task Of_ten_thousand_tunnels_as_many_start_as_may_be_and_one_that_runs_loses_no_packet()
    {
        await using var lab = await Lab.TwoHostsAsync();
        var daemon = lab.Server.Daemon;
        var tunnels = Directory.CreateDirectory(Path.Combine(daemon.StateDirectory, "tunnels")).FullName;
        for (var i = 0; i < Most - Free - 1; i++)
        {
            // A device of that name is there, so that they are kept as failed.
            var file = File(lab, $"stored{i}", i) with { TunnelDevice = Lab.Link };
            await System.IO.File.WriteAllTextAsync(
                Path.Combine(tunnels, $"{file.Name}.json"),
                file.ToJson(),
                TestContext.Current.CancellationToken
            );
        }

        await lab.StartTunnelAsync();
        await lab.Client.WaitForPingAsync("10.0.0.1");
        var before = ProcessUsage.Of(daemon.Id);
        using var done = new CancellationTokenSource();
        var pinging = PingAsync(lab, done.Token);
        using var api = new ControlApi(daemon.SocketPath);
        var outcomes = new List<RpcException?>();
        foreach (var some in Enumerable.Range(0, Asked).Chunk(AtOnce))
        {
            outcomes.AddRange(await Task.WhenAll(some.Select(i => AskAsync(api, File(lab, $"asked{i}", i)))));
        }

        await done.CancelAsync();
        var (sent, answered) = await pinging;
        var after = ProcessUsage.Of(daemon.Id);

        Assert.Equal(Free, outcomes.Count(o => o is null));
        Assert.All(outcomes, o =>
            Assert.True(
                o is null
                    || (
                        o.StatusCode == StatusCode.ResourceExhausted
                        && o.Status.Detail == $"{Most} tunnels are there already, which is the most"
                    ),
                o?.ToString()
            )
        );
        Assert.InRange(after.ResidentKilobytes - before.ResidentKilobytes, int.MinValue, MaxGrowthKilobytes);
        Assert.InRange(after.Descriptors - before.Descriptors, 0, (2 * Free) + 10);
        Assert.Equal(sent, answered);
        Assert.True(sent >= 10, $"only {sent} pings");
        Assert.Single(await daemon.Control.EventsAsync(), e => e.Kind == "limit_reached");
        TestContext.Current.TestOutputHelper?.WriteLine($"{sent} pings; before {before}, after {after}");
    }

    private static async Task<RpcException?> AskAsync(ControlApi api, TunnelFile file)
    {
        try
        {
            await api.UpAsync(file, ephemeral: true);
            return null;
        }
        catch (RpcException e)
        {
            return e;
        }
    }

    private static async Task<(int Sent, int Answered)> PingAsync(Lab lab, CancellationToken done)
    {
        var (sent, answered) = (0, 0);
        while (!done.IsCancellationRequested)
        {
            answered += await lab.Client.PingAsync("10.0.0.1", count: 10);
            sent += 10;
        }

        return (sent, answered);
    }

    private static TunnelFile File(Lab lab, string name, int i) =>
        lab.ServerFile with
        {
            Name = name,
            TunnelAddress = string.Create(CultureInfo.InvariantCulture, $"10.{1 + (i / 250)}.{i % 250}.1/30"),
            NetworkAddress = string.Create(CultureInfo.InvariantCulture, $":{20_000 + i}"),
        };
}
