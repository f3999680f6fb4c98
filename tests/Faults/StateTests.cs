// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Faults;

/// <summary>
/// A state directory that is full, read-only, another daemon's, or of a later version. Damaged and truncated files are
/// in Netns.ShutdownTests, a crash between write and rename in Unit.StateStoreTests.
/// </summary>
public sealed class StateTests
{
    [Fact]
    public async Task A_full_disk_refuses_new_tunnels_and_changes_and_takes_nothing_from_those_that_run()
    {
        Requirements.Command("unshare", "util-linux");
        await using var lab = await Lab.TwoHostsAsync();
        var daemon = lab.Server.AddDaemon(
            InMountNamespace("""mount -t tmpfs -o size=128k,mode=0700 tmpfs "$STATE" """)
        );
        await lab.StartTunnelAsync();
        var filler = $"/proc/{daemon.Id.ToString(CultureInfo.InvariantCulture)}/root{daemon.StateDirectory}/filler";
        Assert.Throws<IOException>(() => File.WriteAllBytes(filler, new byte[1 << 20]));

        var second = daemon.Write(
            lab.ServerFile with
            {
                Name = "second",
                TunnelAddress = "10.1.0.1",
                NetworkAddress = ":8001",
            }
        );
        var refused = await daemon.Control.TryAsync("up", second);
        Assert.Equal(1, refused.ExitCode);
        Assert.Equal("state_not_writable", refused.Reason);
        refused = await daemon.Control.TryAsync("ports", "t", "allow", "7777");
        Assert.Equal("state_not_writable", refused.Reason);
        Assert.Equal(3, await lab.Client.PingAsync("10.0.0.1", count: 3));

        // What was stored is whole: the refused change came never near it.
        var stored = await File.ReadAllTextAsync(
            $"/proc/{daemon.Id.ToString(CultureInfo.InvariantCulture)}/root{daemon.StateDirectory}/tunnels/t.json",
            TestContext.Current.CancellationToken
        );
        Assert.DoesNotContain("7777", stored, StringComparison.Ordinal);
        Assert.EndsWith("}", stored.TrimEnd(), StringComparison.Ordinal);

        File.Delete(filler);
        await daemon.Control.RunAsync("up", second);
        await daemon.Control.RunAsync("ports", "t", "allow", "7777");
    }

    [Fact]
    public async Task With_a_read_only_state_directory_what_is_stored_starts_and_what_would_change_it_is_refused()
    {
        Requirements.Command("unshare", "util-linux");
        await using var lab = await Lab.TwoHostsAsync();
        var daemon = lab.Server.AddDaemon(
            InMountNamespace(
                """if [ -e "$STATE/read-only" ]; then mount --bind "$STATE" "$STATE" && mount -o remount,ro,bind "$STATE"; fi"""
            )
        );
        await lab.StartTunnelAsync();
        await daemon.KillAsync();
        File.WriteAllText(Path.Combine(daemon.StateDirectory, "read-only"), "");

        await daemon.StartAsync();

        await lab.Client.WaitForPingAsync("10.0.0.1");
        var refused = await daemon.Control.TryAsync("down", "t");
        Assert.Equal("state_not_writable", refused.Reason);
        Assert.Equal(3, await lab.Client.PingAsync("10.0.0.1", count: 3));
        var second = daemon.Write(
            lab.ServerFile with
            {
                Name = "second",
                TunnelAddress = "10.1.0.1",
                NetworkAddress = ":8001",
            }
        );
        Assert.Equal("state_not_writable", (await daemon.Control.TryAsync("up", second)).Reason);
        await daemon.Control.RunAsync("up", second, "--ephemeral");
    }

    [Fact]
    public async Task A_state_file_of_a_later_version_is_set_aside_and_told_and_the_rest_starts()
    {
        await using var lab = await Lab.TwoHostsAsync();
        var daemon = lab.Server.Daemon;
        var tunnels = Directory.CreateDirectory(Path.Combine(daemon.StateDirectory, "tunnels")).FullName;
        var sessions = Directory.CreateDirectory(Path.Combine(daemon.StateDirectory, "sessions")).FullName;
        var later = lab.ServerFile.ToJson().Insert(1, "\n  \"Cipher\": \"later\",");
        File.WriteAllText(Path.Combine(tunnels, "later.json"), later);
        File.WriteAllText(Path.Combine(tunnels, "t.json"), lab.ServerFile.ToJson());
        File.WriteAllText(Path.Combine(sessions, "t"), "udptunnel-session 9 x\npeer 192.0.2.66:1\n");

        await daemon.StartAsync();
        await lab.Client.Daemon.StartAsync();
        await lab.Client.Daemon.UpAsync(lab.ClientFile);

        await lab.Client.WaitForPingAsync("10.0.0.1");
        Assert.Equal(["t"], await daemon.Control.TunnelsAsync());
        var told = await daemon.Control.WaitForEventAsync("state_damaged");
        Assert.Contains("Cipher", told.Message, StringComparison.Ordinal);
        Assert.Equal(
            later,
            await File.ReadAllTextAsync(
                Path.Combine(tunnels, "later.json.damaged"),
                TestContext.Current.CancellationToken
            )
        );
    }

    [Fact]
    public async Task A_second_daemon_with_the_same_state_directory_refuses_and_the_first_goes_on()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        var daemon = lab.Server.Daemon;

        var second = await lab.Server.Namespace.TryAsync(
            Programs.Daemon,
            "--socket",
            daemon.SocketPath + "2",
            "--state-dir",
            daemon.StateDirectory,
            "--config-dir",
            daemon.ConfigDirectory
        );

        Assert.Equal(1, second.ExitCode);
        Assert.Contains(
            $"another udptunneld uses the state directory {daemon.StateDirectory}",
            second.Error,
            StringComparison.Ordinal
        );
        Assert.False(File.Exists(daemon.SocketPath + "2"));
        Assert.Equal(3, await lab.Client.PingAsync("10.0.0.1", count: 3));

        // However the first one ends, the directory is free.
        await daemon.KillAsync();
        await daemon.StartAsync();
    }

    /// <summary>
    /// Runs the daemon where a mount is seen by nobody else. The script knows the state directory as STATE.
    /// </summary>
    private static string[] InMountNamespace(string script) =>
        [
            "unshare",
            "--mount",
            "sh",
            "-c",
            "STATE=$(printf '%s\\n' \"$@\" | grep -A1 -x -e --state-dir | tail -1); mkdir -p \"$STATE\"; "
                + script
                + "; exec \"$@\"",
            "sh",
        ];
}
