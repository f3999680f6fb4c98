// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using System.Net;
using UdpTunnel.Tests.Harness;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Netns.Relay;

/// <summary>Descriptors come back, and a lack of them passes.</summary>
public sealed class DescriptorTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData("tls")]
    [InlineData("classic")]
    public async Task Ten_thousand_clients_come_and_go_and_leave_no_descriptor_behind(string protocol)
    {
        const int Clients = 10_000;
        const int AtOnce = 250;
        await using var relay = await RelayLab.CreateAsync();
        using var echo = relay.StartEcho();
        await relay.StartApprovedAsync(protocol, "--idle-timeout", "2");
        using var first = relay.OpenClient();
        Assert.True(await RelayLab.EchoesAsync(first, [1], Patience));
        await WaitForFlowsAsync(relay, 0);
        var receiver = ProcessUsage.Of(relay.Outside.Daemon.Id).Descriptors;
        var sender = ProcessUsage.Of(relay.Inside.Daemon.Id).Descriptors;
        var most = 0;

        for (var done = 0; done < Clients; done += AtOnce)
        {
            // The receiver lets one address begin 1,000 flows a second.
            var source = IPAddress.Parse($"127.0.0.{1 + (done / AtOnce)}");
            var clients = Enumerable.Range(0, AtOnce).Select(_ => relay.OpenClient(source)).ToList();
            await Task.WhenAll(clients.Select(async c => Assert.True(await RelayLab.EchoesAsync(c, [2], Patience))));
            clients.ForEach(c => c.Dispose());
            most = Math.Max(most, ProcessUsage.Of(relay.Inside.Daemon.Id).Descriptors);
        }

        await WaitForFlowsAsync(relay, 0);
        var status = await RelayLab.StatusAsync(relay.Inside, RelayLab.Sender);
        Assert.True(status.GetProperty("counters").GetProperty("flowsOpened").GetInt64() > Clients, status.ToString());
        Assert.True(most > sender + AtOnce, $"at the most {most} descriptors: the flows had none of their own");
        await WaitForDescriptorsAsync(relay.Inside.Daemon, sender);
        await WaitForDescriptorsAsync(relay.Outside.Daemon, receiver);
    }

    [Fact]
    public async Task A_sender_without_descriptors_refuses_new_flows_with_a_reason_and_goes_on_with_the_others()
    {
        Requirements.Command("prlimit", "util-linux");
        await using var relay = await RelayLab.CreateAsync();
        using var echo = relay.StartEcho();
        await relay.StartApprovedAsync("tls", "--idle-timeout", "3");
        using var old = relay.OpenClient();
        Assert.True(await RelayLab.EchoesAsync(old, [1], Patience));
        await LimitAsync(relay.Inside.Daemon, more: 80);

        var clients = Enumerable.Range(0, 400).Select(_ => relay.OpenClient()).ToList();
        var answered = await Task.WhenAll(clients.Select(c => RelayLab.EchoesAsync(c, [2], TimeSpan.FromSeconds(1))));

        Assert.Contains(false, answered);
        Assert.True(RelayLab.Drops(await RelayLab.StatusAsync(relay.Inside, RelayLab.Sender), "no_descriptors") > 0);
        Assert.True(await RelayLab.EchoesAsync(old, [3], Patience));
        clients.ForEach(c => c.Dispose());

        // Descriptors of flows that become idle serve the next ones.
        using var next = relay.OpenClient();
        Assert.True(await RelayLab.EchoesAsync(next, [4], Patience));
    }

    [Fact]
    public async Task A_receiver_without_descriptors_accepts_later_and_carries_on_meanwhile()
    {
        Requirements.Command("prlimit", "util-linux");
        await using var relay = await RelayLab.CreateAsync();
        using var echo = relay.StartEcho();
        await relay.StartApprovedAsync();
        using var client = relay.OpenClient();
        Assert.True(await RelayLab.EchoesAsync(client, [1], Patience));
        using var api = new ControlApi(relay.Outside.Daemon.SocketPath);
        await api.RelayAsync(RelayLab.Receiver);
        await LimitAsync(relay.Outside.Daemon, more: 0);

        var connecting = HandmadeSender.ConnectAsync(relay.Inside, relay.Receivers);
        await WaitFor.TrueAsync(
            async () =>
                (await api.RelayAsync(RelayLab.Receiver)).Counters.Drops.Any(d =>
                    d is { Reason: RelayDropReason.NoDescriptors, Packets: > 1 }
                ),
            "a connection that is not accepted"
        );
        Assert.True(await RelayLab.EchoesAsync(client, [2], Patience));
        Assert.False(connecting.IsCompleted);

        await LimitAsync(relay.Outside.Daemon, more: 1000);
        using var sender = await connecting;
        await WaitFor.TrueAsync(
            async () =>
                (await relay.SendersAsync()).Any(s => s.GetProperty("fingerprint").GetString() == sender.Fingerprint),
            "the sender that came meanwhile"
        );
    }

    private static Task WaitForFlowsAsync(RelayLab relay, int count) =>
        Task.WhenAll(
            WaitForFlowsAsync(relay.Outside, RelayLab.Receiver, count),
            WaitForFlowsAsync(relay.Inside, RelayLab.Sender, count)
        );

    private static Task WaitForFlowsAsync(Host host, string name, int count) =>
        WaitFor.AnswerAsync(
            () => RelayLab.StatusAsync(host, name),
            s => s.GetProperty("counters").GetProperty("flows").GetInt32() == count,
            $"{count} flows at {name}"
        );

    /// <summary>A daemon closes the connection of a command that has ended a moment after that.</summary>
    private static Task WaitForDescriptorsAsync(Daemon daemon, int most) =>
        WaitFor.AnswerAsync(
            () => Task.FromResult(ProcessUsage.Of(daemon.Id).Descriptors),
            now => now <= most,
            $"at the most {most} descriptors"
        );

    /// <summary>Lets a daemon open so many descriptors more than it has now.</summary>
    private static async Task LimitAsync(Daemon daemon, int more)
    {
        // The kernel gives the lowest free number, and the limit is one of numbers.
        var used = Directory
            .EnumerateFiles(string.Create(CultureInfo.InvariantCulture, $"/proc/{daemon.Id}/fd"))
            .Select(path => int.Parse(Path.GetFileName(path), CultureInfo.InvariantCulture))
            .ToHashSet();
        var limit = Enumerable.Range(0, int.MaxValue).Where(number => !used.Contains(number)).ElementAt(more);
        (
            await Command.RunAsync([
                "prlimit",
                "--pid",
                daemon.Id.ToString(CultureInfo.InvariantCulture),
                $"--nofile={limit}:",
            ])
        ).RequireSuccess();
    }
}
