// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using System.Text;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns;

/// <summary>What <c>up</c> says when it cannot, and that it leaves nothing behind then.</summary>
public sealed class UpFailureTests
{
    // Text, bytes as Latin-1; line and column of the mistake; and a part of what is told.
    private static readonly (string Text, string Place, string Mention)[] Mistakes =
    [
        ("""{"TunnelAddress": 5}""", "1:19", "TunnelAddress"),
        ("{\n  \"TunnelAddress\": \"10.0.0.1\",\n  \"AllowedPorts\": [22]\n}", "1:1", "NetworkAddress"),
        ("{\n  \"TunnelAdress\": \"10.0.0.1\"\n}", "2:3", "TunnelAddress"),
        ("{\n  \"AllowedPorts\": [22, 70000]\n}", "2:24", "70000"),
        ("{\n  \"AllowedPorts\": [0]\n}", "2:20", "0"),
        ("{\n  \"TunnelAddress\": \"2001:db8::1\"\n}", "2:20", "2001:db8::1"),
        ("{\n  \"NetworkAddress\": \"192.0.2.1\"\n}", "2:21", "port"),
        ("{\n  \"Mtu\": 575\n}", "2:10", "576"),
        ("{\n  \"TunnelAddress\": \"10.0.0.1\",,\n}", "2:31", ","),
        ("{\n  \"TunnelAddress\": \"\u00FF\"\n}", "2:21", "UTF-8"),
        ("", "1:1", "empty"),
    ];

    [Fact]
    public async Task A_device_name_that_is_taken_is_told_and_left_alone()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.Server.Daemon.StartAsync();
        await lab.Server.Namespace.IpAsync("link add taken0 type veth peer name taken1\n");

        await FailsAsync(lab.Server, lab.ServerFile with { TunnelDevice = "taken0" }, 1, "device_taken", "taken0");

        await AssertNothingLeftAsync(lab.Server, "taken0", "taken1");
        await lab.Server.Daemon.UpAsync(lab.ServerFile);
    }

    [Fact]
    public async Task A_persistent_tun_device_of_that_name_is_taken_too()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.Server.Daemon.StartAsync();
        await lab.Server.Namespace.IpAsync("tuntap add dev taken0 mode tun\n");

        await FailsAsync(lab.Server, lab.ServerFile with { TunnelDevice = "taken0" }, 1, "device_taken", "taken0");

        await AssertNothingLeftAsync(lab.Server, "taken0");
    }

    [Fact]
    public async Task A_port_that_is_taken_is_told()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.Server.Daemon.StartAsync();
        using (var taken = lab.Server.Open(SocketType.Dgram))
        {
            taken.Bind(new IPEndPoint(IPAddress.Any, 8000));
            await FailsAsync(lab.Server, lab.ServerFile, 1, "port_taken", "8000");
        }

        await AssertNothingLeftAsync(lab.Server);
        await lab.Server.Daemon.UpAsync(lab.ServerFile);
    }

    [Fact]
    public async Task A_name_that_is_taken_is_told_and_the_tunnel_of_that_name_goes_on()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();

        await FailsAsync(
            lab.Server,
            lab.ServerFile with
            {
                NetworkAddress = ":9000",
            },
            1,
            "name_taken",
            "'t' runs already"
        );

        Assert.Equal(["t"], await lab.Server.Control.TunnelsAsync());
        Assert.Equal(3, await lab.Client.PingAsync("10.0.0.1", count: 3));
    }

    [Fact]
    public async Task A_daemon_without_the_capability_says_which_it_lacks()
    {
        Requirements.Command("setpriv", "util-linux");
        await using var lab = await Lab.TwoHostsAsync();
        lab.Server.AddDaemon("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin");
        await lab.Server.Daemon.StartAsync();

        await FailsAsync(lab.Server, lab.ServerFile, 1, "daemon_lacks_privilege", "CAP_NET_ADMIN");

        await AssertNothingLeftAsync(lab.Server);
    }

    [Fact]
    public async Task A_firewall_table_that_the_kernel_refuses_is_told_and_no_tunnel_runs_unguarded()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.Server.Daemon.StartAsync();
        await lab.Server.Namespace.NftAsync("table inet udptunnel_guarded0 {\n chain theirs {\n }\n}\n");
        var file = lab.ServerFile with { TunnelDevice = "guarded0", Firewall = true };

        // Somebody else's table, which cannot become ours.
        await FailsAsync(lab.Server, file, 1, "firewall_refused", "udptunnel_guarded0");

        Assert.Contains(
            "theirs",
            await lab.Server.Namespace.RunAsync("nft", "list", "ruleset"),
            StringComparison.Ordinal
        );
        await lab.Server.Namespace.NftAsync("delete table inet udptunnel_guarded0\n");
        await AssertNothingLeftAsync(lab.Server);
        await lab.Server.Daemon.UpAsync(file);
    }

    [Fact]
    public async Task Without_libnftables_a_tunnel_with_a_firewall_does_not_start_and_one_without_does()
    {
        Requirements.Command("unshare", "util-linux");
        var library = Directory
            .GetDirectories("/usr/lib")
            .Select(d => Path.Combine(d, "libnftables.so.1"))
            .FirstOrDefault(File.Exists);
        Assert.SkipWhen(library is null, "needs libnftables.so.1 (Debian package libnftables1)");
        await using var lab = await Lab.TwoHostsAsync();

        // In a mount namespace of its own the daemon finds nothing where the library is.
        lab.Server.AddDaemon(
            "unshare",
            "--mount",
            "sh",
            "-c",
            $"mount --bind /dev/null {library} && exec \"$@\"",
            "sh"
        );
        await lab.Server.Daemon.StartAsync();

        await FailsAsync(lab.Server, lab.ServerFile with { Firewall = true }, 1, "firewall_refused", "libnftables");

        await AssertNothingLeftAsync(lab.Server);
        await lab.Server.Daemon.UpAsync(lab.ServerFile);
    }

    [Fact]
    public async Task A_state_directory_that_cannot_be_written_is_told()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.Server.Daemon.StartAsync();
        var tunnels = Path.Combine(lab.Server.Daemon.StateDirectory, "tunnels");
        Directory.Delete(tunnels, recursive: true);
        File.WriteAllText(tunnels, "not a directory");

        await FailsAsync(lab.Server, lab.ServerFile, 1, "state_not_writable", "state directory");

        await AssertNothingLeftAsync(lab.Server);
        await lab.Server.Control.RunAsync("up", lab.Server.Daemon.Write(lab.ServerFile), "--ephemeral");
        await lab.Server.Control.RunAsync("down", "t");
    }

    [Fact]
    public async Task Somebody_without_the_right_is_told_so()
    {
        Requirements.Command("setpriv", "util-linux");
        await using var lab = await Lab.TwoHostsAsync();
        await lab.Server.Daemon.StartAsync();
        string[] nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
        if ((await Command.RunAsync([.. nobody, Programs.Control, "--version"])).ExitCode != 0)
        {
            Assert.Skip($"needs {Programs.Control} where everybody may run it");
        }

        var path = lab.Server.Daemon.Write(lab.ServerFile);
        lab.Server.Daemon.LetEverybodyIn();
        var result = await lab.Server.Control.TryAsAsync(nobody, "up", path);

        Assert.True(result.ExitCode == 4, result.ToString());
        Assert.Contains("you may not open", result.Error, StringComparison.Ordinal);
        Assert.Contains("group udptunnel", result.Error, StringComparison.Ordinal);
        await AssertNothingLeftAsync(lab.Server);
    }

    [Fact]
    public async Task A_daemon_that_does_not_run_is_told()
    {
        await using var lab = await Lab.TwoHostsAsync();
        var path = lab.Server.Daemon.Write(lab.ServerFile);
        var never = await lab.Server.Control.TryAsync("up", path);
        Assert.True(never.ExitCode == 3, never.ToString());
        Assert.Contains("not running", never.Error, StringComparison.Ordinal);

        // A killed one leaves its socket.
        await lab.Server.Daemon.StartAsync();
        await lab.Server.Daemon.KillAsync();
        var killed = await lab.Server.Control.TryAsync("up", path);
        Assert.True(killed.ExitCode == 3, killed.ToString());
    }

    [Fact]
    public async Task Mistakes_in_files_are_told_with_their_place_and_nothing_starts()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.Server.Daemon.StartAsync();
        var path = lab.Server.Daemon.Write(lab.ServerFile);
        foreach (var (text, place, mention) in Mistakes)
        {
            File.WriteAllBytes(path, Encoding.Latin1.GetBytes(text));

            var result = await lab.Server.Control.TryAsync("up", path);

            Assert.True(result.ExitCode == 2, result.ToString());
            var lines = result
                .Error.Split('\n')
                .Where(line => line.StartsWith($"{path}:{place}: ", StringComparison.Ordinal));
            Assert.True(
                lines.Any(line => line.Contains(mention, StringComparison.Ordinal)),
                $"{path}:{place} {mention}: {result}"
            );
        }

        await AssertNothingLeftAsync(lab.Server);
    }

    [Fact]
    public async Task A_file_of_100_megabytes_is_refused_without_being_read()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.Server.Daemon.StartAsync();
        var path = lab.Server.Daemon.Write(lab.ServerFile);
        using (var file = File.OpenWrite(path))
        {
            file.SetLength(100_000_000);
        }

        var result = await lab.Server.Control.TryAsync("up", path);

        Assert.True(result.ExitCode == 2, result.ToString());
        Assert.Contains("larger than", result.Error, StringComparison.Ordinal);
        await AssertNothingLeftAsync(lab.Server);
    }

    private static async Task FailsAsync(Host host, TunnelFile file, int exitCode, string reason, string mention)
    {
        var result = await host.Control.TryAsync("up", host.Daemon.Write(file));
        Assert.True(result.ExitCode == exitCode, result.ToString());
        Assert.Equal(reason, result.Reason);
        Assert.Contains(mention, result.Error, StringComparison.Ordinal);
    }

    private static async Task AssertNothingLeftAsync(Host host, params string[] devices)
    {
        Assert.Empty(await host.Control.TunnelsAsync());
        Assert.Equal(
            [Lab.Link, .. devices],
            (await host.Namespace.DevicesAsync()).OrderBy(d => d != Lab.Link).ThenBy(d => d)
        );
        Assert.Equal("", await host.Namespace.RunAsync("nft", "list", "tables"));
        Assert.Equal("", await host.Namespace.RunAsync("ss", "-H", "-uln"));
        var stored = Path.Combine(host.Daemon.StateDirectory, "tunnels");
        Assert.Empty(Directory.Exists(stored) ? Directory.GetFiles(stored) : []);
    }
}
