// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using System.Globalization;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns.Relay;

/// <summary>One end stops taking what the other sends, while datagrams keep coming.</summary>
public sealed class StallTests
{
    /// <summary>Environment variable: seconds instead of the default.</summary>
    private const string SecondsVariable = "UDPTUNNEL_RELAY_STALL_SECONDS";

    private const int DefaultSeconds = 5;

    // Buffers of an end that were reached for the first time, and what the garbage collector has not taken back.
    private const int Slack = 16 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData("tls")]
    [InlineData("classic")]
    public async Task While_the_sender_takes_nothing_the_receiver_drops_with_a_reason_and_does_not_grow(string protocol)
    {
        await using var relay = await RelayLab.CreateAsync();
        using var echo = relay.StartEcho();
        await relay.StartApprovedAsync(protocol);
        using var client = relay.OpenClient();
        Assert.True(await RelayLab.EchoesAsync(client, [1], Patience));
        using var flood = new Flood(relay.OpenClient(), new byte[1200]);
        await WaitFor.TrueAsync(() => flood.Sent > 20_000, "full load");

        await relay.Inside.Daemon.SignalAsync("STOP");
        await AssertFlatAsync(relay.Outside.Daemon);
        await relay.Inside.Daemon.SignalAsync("CONT");

        Assert.True(RelayLab.Drops(await RelayLab.StatusAsync(relay.Outside, RelayLab.Receiver), "queue_full") > 0);
        flood.Dispose();
        await RecoversAsync(relay, client, protocol);
    }

    [Theory]
    [InlineData("tls")]
    [InlineData("classic")]
    public async Task While_the_receiver_takes_nothing_the_sender_drops_with_a_reason_and_does_not_grow(string protocol)
    {
        await using var relay = await RelayLab.CreateAsync();
        await relay.StartApprovedAsync(protocol);
        using var service = new FloodingService(
            relay.Inside.Open(System.Net.Sockets.SocketType.Dgram),
            RelayLab.ServicePort
        );
        using var client = relay.OpenClient();
        await WaitFor.TrueAsync(
            async () =>
            {
                await client.SendAsync(new byte[] { 1 });
                return service.Sent > 20_000;
            },
            "full load"
        );

        await relay.Outside.Daemon.SignalAsync("STOP");
        await AssertFlatAsync(relay.Inside.Daemon);
        await relay.Outside.Daemon.SignalAsync("CONT");

        Assert.True(RelayLab.Drops(await RelayLab.StatusAsync(relay.Inside, RelayLab.Sender), "queue_full") > 0);
        service.Dispose();
        using var echo = relay.StartEcho();
        using var other = relay.OpenClient();
        await RecoversAsync(relay, other, protocol);
    }

    private static async Task RecoversAsync(RelayLab relay, System.Net.Sockets.Socket client, string protocol)
    {
        // A stall of more than 12 s is the end of a connection with signs of life; without identity a person has to
        // approve the next one.
        if (
            protocol == "classic"
            && (await relay.SendersAsync()).Any(s => s.GetProperty("state").GetString() == "pending")
        )
        {
            await relay.ApproveAsync();
        }

        Assert.True(await RelayLab.EchoesAsync(client, [2], Patience));
    }

    private static async Task AssertFlatAsync(Daemon daemon)
    {
        var seconds = int.Parse(
            Environment.GetEnvironmentVariable(SecondsVariable)
                ?? DefaultSeconds.ToString(CultureInfo.InvariantCulture),
            CultureInfo.InvariantCulture
        );

        // What the queue takes, it has taken within a second.
        await Task.Delay(TimeSpan.FromSeconds(1));
        var first = ProcessUsage.Of(daemon.Id).ResidentKilobytes;
        var most = first;
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < TimeSpan.FromSeconds(seconds - 1))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(200));
            most = Math.Max(most, ProcessUsage.Of(daemon.Id).ResidentKilobytes);
        }

        TestContext.Current.TestOutputHelper?.WriteLine(
            $"resident: {first} KiB after one second, at the most {most} KiB in {seconds} s"
        );
        Assert.InRange(most - first, 0, Slack);
    }
}
