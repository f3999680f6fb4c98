// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Api.Daemon;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Api;

/// <summary>
/// The files of the configuration directory, applied while the daemon runs: by SIGHUP and by the call.
/// </summary>
public sealed class ReloadDirectoryTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_signal_applies_what_interrupts_nothing_and_tells_what_it_left()
    {
        Requirements.Tun();
        await using var daemon = await DaemonProcess.StartAsync(
            Files(("live", Server(1)), ("restart", Server(2)), ("gone", Server(3)), ("broken", Server(4)))
        );
        var before = await TunnelsAsync(daemon);
        Assert.Equal(["broken", "gone", "live", "restart"], before.Keys.Order(StringComparer.Ordinal));
        Assert.All(before.Values, t => Assert.Equal(Path.Combine(daemon.FilesDirectory, t.Name + ".json"), t.File));

        Write(daemon, "live", Server(1, ports: "[22, 80]"));
        Write(daemon, "restart", Server(2, ", \"Mtu\": 1400"));
        Write(daemon, "broken", "{\"Mtu\": }");
        Write(daemon, "new", Server(5));
        File.Delete(Path.Combine(daemon.FilesDirectory, "gone.json"));
        var message = await HangUpAsync(daemon);

        Assert.Equal("the configuration directory was applied: 1 started, 1 changed, 3 not applied", message);
        var after = await TunnelsAsync(daemon);
        Assert.Equal(["broken", "gone", "live", "new", "restart"], after.Keys.Order(StringComparer.Ordinal));
        Assert.All(before.Values, t =>
            Assert.Equal((t.Started, t.Device, t.Mtu), (after[t.Name].Started, after[t.Name].Device, after[t.Name].Mtu))
        );
        Assert.Equal([22u, 80u], after["live"].AllowedPorts.Select(p => p.First));
        var told = await EventsAsync(daemon);
        Assert.Contains(told, e =>
            e.Tunnel == "restart" && e.Message.StartsWith("it has to restart for Mtu:", StringComparison.Ordinal)
        );
        Assert.Contains(told, e =>
            e.Tunnel == "gone" && e.Message.StartsWith("its file is gone; it runs on:", StringComparison.Ordinal)
        );
        Assert.Contains(told, e =>
            e.Tunnel == "broken" && e.Message.Contains("broken.json:1:9: ", StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task A_call_that_may_interrupt_applies_everything_after_a_dry_run_that_changed_nothing()
    {
        Requirements.Tun();
        await using var daemon = await DaemonProcess.StartAsync(
            Files(("restart", Server(1)), ("gone", Server(2)), ("same", Server(3)))
        );
        Write(daemon, "restart", Server(1, ", \"Mtu\": 1400"));
        File.Delete(Path.Combine(daemon.FilesDirectory, "gone.json"));

        // The port of what stops is free for what starts.
        Write(daemon, "new", Server(2));

        (string, FileAction)[] expected =
        [
            ("new", FileAction.Start),
            ("restart", FileAction.Restart),
            ("same", FileAction.None),
            ("gone", FileAction.Stop),
        ];
        var planned = await ReloadAsync(daemon, new ReloadDirectoryRequest { DryRun = true, AllowRestart = true });
        Assert.Equal(expected, planned.Select(o => (o.Name, o.Action)));
        Assert.All(planned, o => Assert.False(o.Applied));
        Assert.Equal(["gone", "restart", "same"], (await TunnelsAsync(daemon)).Keys.Order(StringComparer.Ordinal));

        var done = await ReloadAsync(daemon, new ReloadDirectoryRequest { AllowRestart = true });
        Assert.Equal(expected, done.Select(o => (o.Name, o.Action)));
        Assert.All(done, o => Assert.Equal((o.Action != FileAction.None, ""), (o.Applied, o.Problem)));
        var tunnels = await TunnelsAsync(daemon);
        Assert.Equal(["new", "restart", "same"], tunnels.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(1400u, tunnels["restart"].Mtu);
        Assert.All(await ReloadAsync(daemon, new ReloadDirectoryRequest { AllowRestart = true }), o =>
            Assert.Equal(FileAction.None, o.Action)
        );
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(daemon.StateDirectory, "tunnels")));
    }

    [Fact]
    public async Task What_a_command_started_in_another_way_than_a_file_says_stays_as_it_is()
    {
        Requirements.Tun();
        await using var daemon = await DaemonProcess.StartAsync();
        await daemon.Channel.Tunnels.StartTunnelAsync(Configurations.Start("mine", 1), cancellationToken: Cancellation);
        Write(daemon, "mine", Server(1, ports: "[80]"));

        var refused = Assert.Single(await ReloadAsync(daemon, new ReloadDirectoryRequest { AllowRestart = true }));

        Assert.Equal((FileAction.Refuse, false), (refused.Action, refused.Applied));
        Assert.Contains("`udptunnelctl reload mine ", refused.Problem, StringComparison.Ordinal);
        Assert.Equal("", (await TunnelsAsync(daemon))["mine"].File);
    }

    [Fact]
    public async Task What_a_command_started_as_a_file_says_is_the_file_s_from_then_on_without_a_restart()
    {
        Requirements.Tun();
        await using var daemon = await DaemonProcess.StartAsync();
        var start = new StartTunnelRequest { Name = "mine", Configuration = Server(1) };
        await daemon.Channel.Tunnels.StartTunnelAsync(start, cancellationToken: Cancellation);
        var before = (await TunnelsAsync(daemon))["mine"];
        Write(daemon, "mine", Server(1));

        var adopted = Assert.Single(await ReloadAsync(daemon, new ReloadDirectoryRequest()));

        Assert.Equal((FileAction.None, ""), (adopted.Action, adopted.Problem));
        var after = (await TunnelsAsync(daemon))["mine"];
        Assert.Equal((before.Started, before.Device), (after.Started, after.Device));
        Assert.Equal(Path.Combine(daemon.FilesDirectory, "mine.json"), after.File);
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(daemon.StateDirectory, "tunnels"), "*.json"));

        Write(daemon, "mine", Server(1, ports: "[80]"));
        Assert.True(Assert.Single(await ReloadAsync(daemon, new ReloadDirectoryRequest())).Applied);
        File.Delete(after.File);
        await ReloadAsync(daemon, new ReloadDirectoryRequest { AllowRestart = true });
        Assert.Empty(await TunnelsAsync(daemon));
    }

    [Fact]
    public async Task A_tunnel_that_becomes_a_relay_stops_and_starts_as_one()
    {
        Requirements.Tun();
        await using var daemon = await DaemonProcess.StartAsync(Files(("x", Server(1))));
        Write(daemon, "x", """{"Relay": "receiver", "UdpAddress": ":7001", "TcpAddress": ":7001"}""");

        var kept = Assert.Single(await ReloadAsync(daemon, new ReloadDirectoryRequest()));
        Assert.Equal((FileAction.Restart, false), (kept.Action, kept.Applied));
        Assert.NotEmpty(await TunnelsAsync(daemon));

        Assert.True(
            Assert.Single(await ReloadAsync(daemon, new ReloadDirectoryRequest { AllowRestart = true })).Applied
        );
        Assert.Empty(await TunnelsAsync(daemon));
        var relay = Assert.Single(
            (
                await daemon.Channel.Relays.ListRelaysAsync(new ListRelaysRequest(), cancellationToken: Cancellation)
            ).Relays
        );
        Assert.Equal(
            ("x", RelayState.Waiting, Path.Combine(daemon.FilesDirectory, "x.json")),
            (relay.Name, relay.State, relay.File)
        );

        Write(daemon, "x", """{"Relay": "receiver", "UdpAddress": ":7002", "TcpAddress": ":7001"}""");
        var changed = Assert.Single(await ReloadAsync(daemon, new ReloadDirectoryRequest()));
        Assert.Equal((FileAction.Change, true), (changed.Action, changed.Applied));
        Assert.Equal("UdpAddress", Assert.Single(changed.Changes).Field);

        Write(daemon, "x", """{"Relay": "receiver", "UdpAddress": ":7002", "TcpAddress": ":7003"}""");
        var restarts = Assert.Single(await ReloadAsync(daemon, new ReloadDirectoryRequest()));
        Assert.Equal((FileAction.Restart, false), (restarts.Action, restarts.Applied));
    }

    [Fact]
    public async Task Two_files_for_one_name_are_a_mistake_of_the_second()
    {
        Requirements.Tun();
        await using var daemon = await DaemonProcess.StartAsync(
            Files(("a", Server(1, ", \"Name\": \"same\"")), ("b", Server(2, ", \"Name\": \"same\"")))
        );

        var outcomes = await ReloadAsync(daemon, new ReloadDirectoryRequest());

        Assert.Equal([FileAction.None, FileAction.Refuse], outcomes.Select(o => o.Action));
        Assert.Contains("b.json describes same, as ", outcomes[1].Problem, StringComparison.Ordinal);
        Assert.Equal(10_001u, (await TunnelsAsync(daemon))["same"].LocalPort);
    }

    /// <remarks>Signals merge: the last of them sees the last state of the files.</remarks>
    [Fact]
    public async Task A_hundred_signals_do_no_harm()
    {
        Requirements.Tun();
        await using var daemon = await DaemonProcess.StartAsync();
        for (var i = 0; i < 100; i++)
        {
            Write(daemon, "many", Server(1, ports: $"[{i + 1}]"));
            daemon.Process.HangUp();
        }

        await Eventually.BecomesTrueAsync(
            async () =>
                (await TunnelsAsync(daemon)).TryGetValue("many", out var tunnel)
                && tunnel.AllowedPorts.Single().First == 100,
            () => "the last state of the file is not applied"
        );
    }

    private static string Server(int number, string more = "", string ports = "[22]") =>
        $$"""{"TunnelAddress": "10.90.{{number}}.1", "NetworkAddress": ":{{10_000 + number}}", "AllowedPorts": {{ports}}{{more}}}""";

    private static DaemonSetup Files(params (string Name, string Text)[] files) =>
        new() { ConfigurationFiles = files.ToDictionary(f => f.Name, f => f.Text) };

    /// <summary>As an editor does: beside it and renamed, so that no half of it is read.</summary>
    private static void Write(DaemonProcess daemon, string name, string text)
    {
        Directory.CreateDirectory(daemon.FilesDirectory);
        var beside = Path.Combine(daemon.Directory, "beside");
        File.WriteAllText(beside, text);
        File.Move(beside, Path.Combine(daemon.FilesDirectory, name + ".json"), overwrite: true);
    }

    /// <summary>Signals, and waits for the end of it.</summary>
    /// <returns>What is told at the end.</returns>
    private static async Task<string> HangUpAsync(DaemonProcess daemon)
    {
        daemon.Process.HangUp();
        Event? told = null;
        await Eventually.BecomesTrueAsync(
            async () =>
                (told = (await EventsAsync(daemon)).FirstOrDefault(e => e is { Kind: EventKind.Reloaded, Tunnel: "" }))
                    is not null,
            () => "the signal was not answered"
        );
        return told!.Message;
    }

    private static async Task<IReadOnlyList<FileOutcome>> ReloadAsync(
        DaemonProcess daemon,
        ReloadDirectoryRequest request
    ) => (await daemon.Channel.Daemon.ReloadDirectoryAsync(request, cancellationToken: Cancellation)).Outcomes;

    private static async Task<Dictionary<string, Tunnel>> TunnelsAsync(DaemonProcess daemon) =>
        (
            await daemon.Channel.Tunnels.ListTunnelsAsync(new ListTunnelsRequest(), cancellationToken: Cancellation)
        ).Tunnels.ToDictionary(t => t.Name);

    private static async Task<IReadOnlyList<Event>> EventsAsync(DaemonProcess daemon) =>
        (await daemon.Channel.Events.ListEventsAsync(new ListEventsRequest(), cancellationToken: Cancellation)).Events;
}
