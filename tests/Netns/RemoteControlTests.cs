// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns;

/// <summary><c>udptunnelctl --host</c> over a real ssh, from the client's host to the server's daemon.</summary>
public sealed class RemoteControlTests
{
    [Fact]
    public async Task A_daemon_of_another_host_answers_through_ssh()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        using var ssh = await SshLab.StartAsync(lab);

        var status = await ssh.RunAsync("--host", SshLab.Target, "status", "--json");
        Assert.True(status.ExitCode == 0, status.ToString());
        Assert.Contains("\"10.0.0.1/24\"", status.Output, StringComparison.Ordinal);

        // A change too, and with a socket that is named.
        var socket = lab.Server.Daemon.SocketPath;
        var change = await ssh.RunAsync("ports", "t", "allow", "4711", "--host", SshLab.Target, "--socket", socket);
        Assert.True(change.ExitCode == 0, change.ToString());
        Assert.Contains("4711", (await lab.Server.Control.RunAsync("ports", "t")).ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(
            "4711",
            (await lab.Client.Control.RunAsync("ports", "t")).ToString(),
            StringComparison.Ordinal
        );

        // A failure of the call ends as it does at home.
        Assert.Equal(5, (await ssh.RunAsync("--host", SshLab.Target, "status", "nobody")).ExitCode);
        Assert.Contains("Accepted publickey for root", ssh.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_is_not_let_in_reads_what_ssh_says()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        using var ssh = await SshLab.StartAsync(lab);

        await AssertFailsAsync(3, "cannot reach ssh://root@192.0.2.1:2223: ssh: connect", "ssh://root@192.0.2.1:2223");
        await AssertFailsAsync(
            3,
            $"{SshLab.Target}: udptunneld is not running (no socket at /nonexistent/s)\nThere: Start it",
            SshLab.Target,
            "--socket",
            "/nonexistent/s"
        );
        await ssh.TakeStrangersKeyAsync();
        await AssertFailsAsync(3, "Permission denied (publickey)", SshLab.Target);
        ssh.ForgetServer();
        await AssertFailsAsync(3, "Host key verification failed", SshLab.Target);

        async Task AssertFailsAsync(int exitCode, string message, params string[] host)
        {
            var result = await ssh.RunAsync(["status", "--host", .. host]);
            Assert.True(exitCode == result.ExitCode, result.ToString());
            Assert.Contains(message, result.Error, StringComparison.Ordinal);
        }
    }

    /// <summary>The recipe of docs/api.md for clients that know nothing of ssh.</summary>
    [Fact]
    public async Task A_socket_that_ssh_forwards_is_as_good_as_the_daemons_own()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        using var ssh = await SshLab.StartAsync(lab);
        var here = await ssh.ForwardAsync(lab.Server.Daemon.SocketPath);

        var status = await ssh.RunAsync("--socket", here, "status");

        Assert.True(status.ExitCode == 0, status.ToString());
        Assert.Contains("10.0.0.1/24", status.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_ends_when_either_side_does_and_leaves_nothing_behind()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        using var ssh = await SshLab.StartAsync(lab);

        // Ctrl-C at a terminal reaches ssh as well, and first.
        var follow = await FollowAsync();
        foreach (var process in await ProcessesAsync(lab.Client))
        {
            (await Command.RunAsync(["kill", "-INT", process])).RequireSuccess();
        }

        Assert.Equal(0, await follow.EndAsync("INT"));
        await WaitUntilNoneIsLeftAsync();

        // The daemon goes.
        follow = await FollowAsync();
        await lab.Server.Daemon.TerminateAsync();
        await WaitFor.TrueAsync(() => !follow.IsRunning, "the command to end");
        Assert.Contains(SshLab.Target, follow.Text, StringComparison.Ordinal);
        await WaitUntilNoneIsLeftAsync();

        async Task<ChildProcess> FollowAsync()
        {
            var child = ssh.Start("events", "--follow", "--host", SshLab.Target);
            await WaitFor.TrueAsync(() => child.Text.Contains("t: ", StringComparison.Ordinal), "events to arrive");
            return child;
        }

        async Task WaitUntilNoneIsLeftAsync()
        {
            foreach (var host in new[] { lab.Client, lab.Server })
            {
                await WaitFor.TrueAsync(
                    async () => (await ProcessesAsync(host)).Length == 0,
                    "ssh and dial-stdio to end"
                );
            }
        }
    }

    /// <summary>Those of a host that carry the connection: ssh at the one end, dial-stdio at the other.</summary>
    private static async Task<string[]> ProcessesAsync(Host host)
    {
        var all = await Command.RunAsync(["ip", "netns", "pids", host.Namespace.Name]);
        return
        [
            .. all
                .Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Where(id => CommandLine(id).Contains("dial-stdio", StringComparison.Ordinal)),
        ];
    }

    private static string CommandLine(string process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/cmdline");
        }
        catch (IOException)
        {
            // It has ended meanwhile.
            return "";
        }
    }
}
