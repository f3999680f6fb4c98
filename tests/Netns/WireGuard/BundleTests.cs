// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns.WireGuard;

/// <summary>What <c>doctor --bundle</c> tells of real tunnels.</summary>
public sealed class BundleTests
{
    [Fact]
    public async Task No_key_token_or_magic_is_in_the_report()
    {
        await using var lab = await SecureLab.StartAsync();
        var preshared = (await lab.Client.Namespace.RunAsync("wg", "genpsk")).Trim();
        await lab.MeetAsync(server: new { Name = "t" }, client: new { Name = "t" });
        var peer = new
        {
            PublicKey = lab.ClientKey.Public,
            PresharedKey = preshared,
            AllowedIPs = new[] { "10.99.0.2/32", "fd99::2/128" },
        };
        await lab.UpAsync(lab.Server, lab.ServerFile(new { Peers = new[] { peer } }), reload: true);
        await lab.Server.Control.RunAsync("log", "debug");
        var invited = (
            await lab.Server.Control.RunAsync("invite", "t", "--name", "guest", "--endpoint", "192.0.2.1")
        ).Json;
        await lab.Server.Daemon.UpAsync(
            new TunnelFile
            {
                Name = "classic",
                TunnelAddress = "10.77.0.1",
                NetworkAddress = ":8001",
                PacketMagic = "wombat-magic",
            }
        );
        _ = await lab.Client.PingAsync("10.99.0.1");

        var bundle = await lab.Server.Namespace.TryAsync(lab.Server.Control.Words("doctor", "--bundle", "-"));

        Assert.True(bundle.ExitCode == 0, bundle.ToString());
        var report = bundle.Output + bundle.Error;
        Assert.Contains(lab.ClientKey.Public, report, StringComparison.Ordinal);
        Assert.Contains("guest", report, StringComparison.Ordinal);
        Assert.Contains("classic", report, StringComparison.Ordinal);
        foreach (
            var secret in new[]
            {
                lab.ServerKey.Private,
                lab.ClientKey.Private,
                preshared,
                invited.GetProperty("token").GetString()!,
                Convert.ToHexStringLower(Convert.FromBase64String(lab.ServerKey.Private)),
                Convert.ToHexStringLower(Convert.FromBase64String(preshared)),
                "wombat-magic",
            }
        )
        {
            // JSON writes some characters of base64 otherwise.
            var inJson = secret.Replace("+", "\\u002B", StringComparison.Ordinal);
            Assert.DoesNotContain(secret, report, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain(inJson, report, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain(secret, lab.Server.Daemon.Log, StringComparison.OrdinalIgnoreCase);
        }
    }
}
