using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;
using UdpTunnel.Tests.Netns.Relay;

namespace UdpTunnel.Tests.Soak;

/// <summary>
/// A tunnel with a file under way in each direction, a relay with clients that ask, and trouble all the time. In the end everything has to work, the
/// files to be what was sent, and the daemons to hold no more than when they were warm.
/// </summary>
internal sealed class SoakRun(TimeSpan time, int seed)
{
    private const int DescriptorTolerance = 10;
    private const int ThreadTolerance = 20;
    private const int KilobyteTolerance = 64 * 1024;

    private static readonly TimeSpan ReportInterval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Calm = TimeSpan.FromSeconds(10);

    private long _echoes;

    /// <summary>Runs it.</summary>
    /// <returns>Whether all is well.</returns>
    public async Task<bool> RunAsync()
    {
        Say($"{time.TotalMinutes} minutes, seed {seed}: run it again with `make soak MINUTES={time.TotalMinutes} SEED={seed}`");
        await using var lab = await Lab.TwoHostsAsync();
        await using var relay = await RelayLab.CreateAsync();
        await lab.StartTunnelAsync();
        using var echo = relay.StartEcho();
        await relay.StartApprovedAsync();
        using var api = new ControlApi(lab.Server.Daemon.SocketPath);
        using var first = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1", TunnelFile.Allowed);
        using var second = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1", TunnelFile.AlsoAllowed);
        await using var download = new Download(first.Accepted, first.Dialled);
        await using var upload = new Download(second.Dialled, second.Accepted);
        using var stop = new CancellationTokenSource();
        var asking = AskAsync(relay, stop.Token);

        var trouble = new Trouble(lab, relay, api, new Random(seed));
        var clock = Stopwatch.StartNew();
        await trouble.WarmAsync();
        await TroubleAsync(trouble, time / 5);
        var warm = await UsageAsync(trouble, lab, relay);
        Say($"warm: {warm}");
        while (clock.Elapsed < time)
        {
            var left = time - clock.Elapsed;
            await TroubleAsync(trouble, left < ReportInterval ? left : ReportInterval);
            Say($"{clock.Elapsed:hh\\:mm\\:ss} {Usage.Of(lab, relay)}; {Volatile.Read(ref _echoes)} answers through the relay");
        }

        var end = await UsageAsync(trouble, lab, relay);
        Say($"end: {end}");
        Say(string.Join(", ", trouble.Happened.Select(h => $"{h.Key} {h.Value}")));

        // Everything still works.
        await lab.Client.WaitForPingAsync("10.0.0.1");
        await download.WaitForMoreAsync();
        await upload.WaitForMoreAsync();
        await download.FinishAsync();
        await upload.FinishAsync();
        var before = Volatile.Read(ref _echoes);
        await WaitFor.TrueAsync(() => Volatile.Read(ref _echoes) > before, "an answer through the relay", TimeSpan.FromMinutes(1));
        await stop.CancelAsync();
        await asking;
        var isFlat = end.IsWithin(warm, DescriptorTolerance, ThreadTolerance, KilobyteTolerance);
        Say(isFlat ? "flat: memory, descriptors and threads are as they were when warm" : "NOT FLAT");
        return isFlat;
    }

    private static async Task TroubleAsync(Trouble trouble, TimeSpan time)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < time;)
        {
            await trouble.HappenAsync();
        }
    }

    /// <summary>What is held when nothing happens.</summary>
    private static async Task<Usage> UsageAsync(Trouble trouble, Lab lab, RelayLab relay)
    {
        await trouble.EndAsync();
        await Task.Delay(Calm);
        return Usage.Of(lab, relay);
    }

    /// <summary>A client after the other, each asking for a while.</summary>
    private async Task AskAsync(RelayLab relay, CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            using Socket client = relay.OpenClient();
            for (var i = 0; i < 20 && !cancellation.IsCancellationRequested; i++)
            {
                if (await RelayLab.EchoesAsync(client, Guid.NewGuid().ToByteArray(), TimeSpan.FromSeconds(1)))
                {
                    Interlocked.Increment(ref _echoes);
                }
            }
        }
    }

    private static void Say(string text) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{text}"));

    /// <summary>What the two daemons hold that are never restarted.</summary>
    private sealed record Usage(ProcessUsage Server, ProcessUsage Receiver)
    {
        public static Usage Of(Lab lab, RelayLab relay) =>
            new(ProcessUsage.Of(lab.Server.Daemon.Id), ProcessUsage.Of(relay.Outside.Daemon.Id));

        public bool IsWithin(Usage warm, int descriptors, int threads, int kilobytes) =>
            IsWithin(Server, warm.Server, descriptors, threads, kilobytes) && IsWithin(Receiver, warm.Receiver, descriptors, threads, kilobytes);

        public override string ToString() => $"server {Text(Server)}; receiver {Text(Receiver)}";

        private static string Text(ProcessUsage usage) =>
            $"{usage.ResidentKilobytes / 1024} MiB, {usage.Descriptors} descriptors, {usage.Threads} threads";

        private static bool IsWithin(ProcessUsage end, ProcessUsage warm, int descriptors, int threads, int kilobytes) =>
            end.Descriptors <= warm.Descriptors + descriptors
            && end.Threads <= warm.Threads + threads
            && end.ResidentKilobytes <= warm.ResidentKilobytes + kilobytes;
    }
}
