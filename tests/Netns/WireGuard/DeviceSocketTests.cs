// SPDX-License-Identifier: BSD-3-Clause

using System.Security.Cryptography;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns.WireGuard;

/// <summary>Debian's <c>wg</c> at the control socket of a secure tunnel's device.</summary>
public sealed class DeviceSocketTests
{
    private const string Directory = "/run/wireguard";
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task Wg_shows_sets_and_syncs_a_tunnel_of_ours_and_what_it_sets_is_there_after_a_restart()
    {
        Requirements.Command("wg", "wireguard-tools");
        await using var lab = await Lab.TwoHostsAsync();
        await lab.Server.Daemon.StartAsync();
        using var files = new TemporaryDirectory();
        var device = $"ut{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}";
        await File.WriteAllTextAsync(
            files["t.json"],
            $$"""
            {
                "Protocol": "wireguard", "TunnelAddress": "10.99.0.1/24", "NetworkAddress": ":8000", "AllowedPorts": "all",
                "TunnelDevice": "{{device}}",
            }
            """,
            TestContext.Current.CancellationToken
        );
        await lab.Server.Control.RunAsync("up", files["t.json"]);

        // wg looks in one place on the whole machine.
        System.IO.Directory.CreateDirectory(Directory);
        var link = Path.Combine(Directory, $"{device}.sock");
        var socket = Path.Combine(lab.Server.Daemon.DeviceDirectory, $"{device}.sock");
        File.CreateSymbolicLink(link, socket);
        try
        {
            Assert.Equal(
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite,
                File.GetUnixFileMode(socket)
            );
            var network = lab.Server.Namespace;
            var status = await lab.Server.Control.RunAsync("status", "t");
            var key = status.Json.GetProperty("tunnels")[0].GetProperty("publicKey").GetString()!;
            Assert.Equal(key, (await network.RunAsync("wg", "show", device, "public-key")).Trim());
            Assert.Equal("8000", (await network.RunAsync("wg", "show", device, "listen-port")).Trim());

            var peer = (await network.RunAsync("sh", "-c", "wg genkey | wg pubkey")).Trim();
            await network.RunAsync(
                "wg",
                "set",
                device,
                "peer",
                peer,
                "allowed-ips",
                "10.99.0.2/32",
                "endpoint",
                "192.0.2.2:7",
                "persistent-keepalive",
                "5"
            );
            var dump = await network.RunAsync("wg", "show", "all", "dump");
            Assert.Contains($"{device}\t{peer}\t(none)\t192.0.2.2:7\t10.99.0.2/32\t", dump, StringComparison.Ordinal);

            // What wg shows is what it takes.
            var file = files["conf"];
            await File.WriteAllTextAsync(
                file,
                await network.RunAsync("wg", "showconf", device),
                TestContext.Current.CancellationToken
            );
            await network.RunAsync("wg", "syncconf", device, file);
            await network.RunAsync("wg", "setconf", device, file);
            Assert.Equal(peer, (await network.RunAsync("wg", "show", device, "peers")).Trim());

            var wrong = await network.TryAsync("wg", "set", device, "peer", key, "allowed-ips", "10.99.0.3/32");
            Assert.NotEqual(0, wrong.ExitCode);

            await lab.Server.Daemon.KillAsync();
            await lab.Server.Daemon.StartAsync();
            await WaitFor.TrueAsync(
                async () =>
                    (await network.TryAsync("wg", "show", device, "peers"))
                        .ToString()
                        .Contains(peer, StringComparison.Ordinal),
                "the peer that wg has set",
                Soon
            );
            await network.RunAsync("wg", "set", device, "peer", peer, "remove");
            Assert.Equal("", (await network.RunAsync("wg", "show", device, "peers")).Trim());

            await lab.Server.Control.RunAsync("down", "t");
            Assert.False(File.Exists(socket));
        }
        finally
        {
            File.Delete(link);
        }
    }
}
