// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;
using UdpTunnel.Tests.Netns.Relay;

namespace UdpTunnel.Tests.Soak;

/// <summary>
/// A tunnel with a file under way in each direction, a relay with clients that ask, and trouble: about a minute of it,
/// then a quiet moment in which everything has to work again, and what the daemons hold is looked at. In the end the
/// files have to be what was sent.
/// </summary>
internal sealed class SoakRun(TimeSpan time, int seed)
{
    private static readonly TimeSpan TroubleTime = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan Calm = TimeSpan.FromSeconds(10);

    // The kernel sends again after 0.2 s, then doubles the time with each loss, to 2 minutes (TCP_RTO_MAX): whose every
    // repetition met a fault is silent for as long as the faults were. New connections must not be.
    private static readonly TimeSpan TcpPatience = TimeSpan.FromMinutes(2.5);

    // A sender dials again after 1 to 30 s.
    private static readonly TimeSpan RelayPatience = TimeSpan.FromMinutes(1);

    // A flow is remembered for 120 s. Without a pause there would be 10,000 of them (MaxFlows), and new clients wait
    // until old ones are forgotten.
    private static readonly TimeSpan ClientInterval = TimeSpan.FromMilliseconds(50);

    private readonly Flatness _flatness = new();
    private long _answers;

    /// <summary>Runs it.</summary>
    /// <returns>Whether all is well.</returns>
    public async Task<bool> RunAsync()
    {
        Say(
            $"{time.TotalMinutes} minutes, seed {seed}: run it again with `make soak MINUTES={time.TotalMinutes} SEED={seed}`"
        );
        await using var lab = await Lab.TwoHostsAsync();
        await using var relay = await RelayLab.CreateAsync();
        await RunAsync(lab, relay);
        var faults = _flatness.Faults();
        Say(faults.Count == 0 ? "flat: memory, descriptors and threads" : $"NOT FLAT\n{string.Join('\n', faults)}");
        return faults.Count == 0;
    }

    private async Task RunAsync(Lab lab, RelayLab relay)
    {
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
        try
        {
            await trouble.WarmAsync();
            while (clock.Elapsed < time)
            {
                await TroubleAsync(trouble, TroubleTime);
                await trouble.EndAsync();
                await Task.Delay(Calm);
                var usage = Usage.Of(lab, relay);
                _flatness.Add(usage);
                Say($"{clock.Elapsed:hh\\:mm\\:ss} {usage}; {Volatile.Read(ref _answers)} answers through the relay");
                Say($"         goes on after: {await GoOnAsync(lab, download, upload)}");
            }

            await download.FinishAsync();
            await upload.FinishAsync();
        }
        catch
        {
            // While there still are the connections that it is about.
            Say(await Evidence.OfAsync(lab) + await Evidence.OfAsync(relay.Lab));
            throw;
        }

        Say(string.Join(", ", trouble.Happened.Select(h => $"{h.Key} {h.Value}")));
        await stop.CancelAsync();
        await asking;
    }

    /// <summary>Waits until everything works.</summary>
    /// <returns>How long each took.</returns>
    private async Task<string> GoOnAsync(Lab lab, Download download, Download upload)
    {
        var ping = await lab.Client.WaitForPingAsync("10.0.0.1");
        await ConnectAsync(lab);
        var files = await Task.WhenAll(download.WaitForMoreAsync(TcpPatience), upload.WaitForMoreAsync(TcpPatience));
        var before = Volatile.Read(ref _answers);
        var answer = await WaitFor.TrueAsync(
            () => Volatile.Read(ref _answers) > before,
            "an answer through the relay",
            RelayPatience
        );
        return $"ping {Text(ping)}, files {Text(files[0])} and {Text(files[1])}, relay {Text(answer)}";
    }

    private static async Task TroubleAsync(Trouble trouble, TimeSpan time)
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < time)
        {
            await trouble.HappenAsync();
        }
    }

    /// <summary>A new connection, which carries in both directions.</summary>
    private static async Task ConnectAsync(Lab lab)
    {
        using var pair = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1");
        await TcpPair.SayAsync(pair.Dialled, pair.Accepted);
        await TcpPair.SayAsync(pair.Accepted, pair.Dialled);
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
                    Interlocked.Increment(ref _answers);
                }
            }

            await Task.Delay(ClientInterval, CancellationToken.None);
        }
    }

    private static string Text(TimeSpan time) =>
        string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:F1} s");

    private static void Say(string text) => Console.WriteLine(text);
}
