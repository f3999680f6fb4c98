// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Json;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns.WireGuard;

/// <summary>A tunnel between two hosts by three commands, with nothing typed by hand.</summary>
public sealed class JoinTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task New_invite_and_join_make_a_tunnel_that_is_there_again_after_a_restart()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await Task.WhenAll(lab.Server.Daemon.StartAsync(), lab.Client.Daemon.StartAsync());
        using var files = new TemporaryDirectory();

        await lab.Server.Control.RunAsync("new", "wg0", "--ports", "22", "--up", "--output", files["wg0.json"]);
        var invited = (await lab.Server.Control.RunAsync("invite", "wg0", "--name", "laptop")).Json;
        Assert.Equal("waiting", invited.GetProperty("peer").GetProperty("state").GetString());
        Assert.NotEqual(JsonValueKind.Null, invited.GetProperty("peer").GetProperty("invitedUntil").ValueKind);
        var joined = await lab.Client.Control.RunAsync("join", invited.GetProperty("token").GetString()!);
        Assert.Equal("running", joined.Json.GetProperty("tunnel").GetProperty("state").GetString());

        var server = AddressOf((await lab.Server.Control.RunAsync("status", "wg0")).Json.GetProperty("tunnels")[0]);
        var client = AddressOf(joined.Json.GetProperty("tunnel"));
        await lab.Client.WaitForPingAsync(server, Soon);
        await lab.Server.WaitForPingAsync(client, Soon);
        foreach (var (host, which) in (IEnumerable<(Host, string)>)[(lab.Server, "laptop"), (lab.Client, "wg0")])
        {
            var ping = (await host.Control.RunAsync("ping", which, "--count", "2")).Json;
            Assert.Equal((2, 2), (ping.GetProperty("sent").GetInt32(), ping.GetProperty("answered").GetInt32()));

            // 1420 and 32 of the protocol, 8 of UDP, 20 of IP; asked for more, the link has 1500.
            Assert.Equal(
                (1480, 1420),
                (ping.GetProperty("pathMtu").GetInt32(), ping.GetProperty("packetMtu").GetInt32())
            );
        }

        // Used: it does not end any more, and no key of it is anywhere.
        await WaitFor.AnswerAsync(
            async () => (await lab.Server.Control.RunAsync("peers", "wg0")).Json.GetProperty("peers")[0],
            peer => peer.GetProperty("invitedUntil").ValueKind == JsonValueKind.Null,
            "the use of the invitation"
        );
        await lab.Server.Daemon.KillAsync();
        await lab.Server.Daemon.StartAsync();
        await lab.Client.WaitForPingAsync(server, Soon);
        var secrets = await lab.Client.Control.RunAsync("config", "wg0", "--secrets");
        Assert.Contains("PrivateKey", secrets.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_invitation_can_be_revoked_and_is_then_good_for_nothing()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await Task.WhenAll(lab.Server.Daemon.StartAsync(), lab.Client.Daemon.StartAsync());
        using var files = new TemporaryDirectory();
        await lab.Server.Control.RunAsync("new", "wg0", "--ports", "all", "--up", "--output", files["wg0.json"]);
        var token = (await lab.Server.Control.RunAsync("invite", "wg0")).Json.GetProperty("token").GetString()!;

        await lab.Server.Control.RunAsync(
            "revoke",
            (await lab.Server.Control.RunAsync("peers"))
                .Json.GetProperty("peers")[0]
                .GetProperty("publicKey")
                .GetString()!
        );

        var join = await lab.Client.Control.TryAsync("join", token, "--timeout", "7s");
        Assert.Equal(6, join.ExitCode);
        Assert.Equal(6, (await lab.Client.Control.TryAsync("ping", "wg0", "--count", "1")).ExitCode);
        Assert.Empty((await lab.Server.Control.RunAsync("peers")).Json.GetProperty("peers").EnumerateArray());
    }

    [Fact]
    public async Task An_invitation_that_nobody_uses_ends_with_its_time_and_one_that_was_used_does_not()
    {
        using var clock = new WallClock();
        await using var lab = await Lab.TwoHostsAsync();
        var server = lab.Server.AddDaemon(clock.Launcher);
        await Task.WhenAll(server.StartAsync(), lab.Client.Daemon.StartAsync());
        using var files = new TemporaryDirectory();
        await server.Control.RunAsync("new", "wg0", "--ports", "all", "--up", "--output", files["wg0.json"]);
        var used = (await server.Control.RunAsync("invite", "wg0", "--name", "used", "--expires", "1h")).Json;
        var unused = (await server.Control.RunAsync("invite", "wg0", "--name", "unused", "--expires", "1h")).Json;
        await lab.Client.Control.RunAsync("join", used.GetProperty("token").GetString()!);

        // Its time goes on while the daemon is away.
        await server.TerminateAsync();
        clock.Set("+2h");
        await server.StartAsync();

        var removed = await server.Control.WaitForEventAsync("peer_removed");
        Assert.Contains("unused was not used in time", removed.Message, StringComparison.Ordinal);
        var left = (await server.Control.RunAsync("peers", "wg0")).Json.GetProperty("peers").EnumerateArray();
        Assert.Equal(["used"], left.Select(peer => peer.GetProperty("name").GetString()));

        await lab.Client.Control.RunAsync("down", "wg0");
        var join = await lab.Client.Control.TryAsync(
            "join",
            unused.GetProperty("token").GetString()!,
            "--timeout",
            "7s"
        );
        Assert.Equal(6, join.ExitCode);
    }

    private static string AddressOf(JsonElement tunnel) =>
        tunnel.GetProperty("tunnelAddress").GetString()!.Split('/')[0];
}
