// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns;

/// <summary>The server's address is link-local, on one of several devices.</summary>
public sealed class LinkLocalTests
{
    [Fact]
    public async Task A_link_local_server_is_fine_to_the_doctor_and_found_again_when_its_device_comes_back()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.Server.Namespace.IpAsync($"addr add fe80::2/64 dev {Lab.Link} nodad\n");
        await lab.Client.Namespace.IpAsync(
            $"addr add fe80::1/64 dev {Lab.Link} nodad\nlink add xx0 type veth peer name xx1\nlink set xx0 up\n"
                + "link set xx1 up\naddr add fe80::7/64 dev xx0 nodad\n"
        );
        await lab.StartTunnelAsync(client: file => file with { NetworkAddress = $"[fe80::2%{Lab.Link}]:8000" });
        await lab.Client.WaitForPingAsync("10.0.0.1");
        foreach (var host in (Host[])[lab.Client, lab.Server])
        {
            var doctor = await host.Control.TryRawAsync("doctor", "t");
            Assert.True(doctor.ExitCode == 0, doctor.ToString());
        }

        // Another device of the same name, with another number.
        await lab.Client.Namespace.IpAsync(
            $"link del {Lab.Link}\nlink add {Lab.Link} type veth peer name back netns {lab.Server.Namespace.Name}\n"
                + $"addr add fe80::1/64 dev {Lab.Link} nodad\nlink set {Lab.Link} up\n"
        );
        await lab.Server.Namespace.IpAsync("addr add fe80::2/64 dev back nodad\nlink set back up\n");

        await lab.Client.WaitForPingAsync("10.0.0.1", TimeSpan.FromSeconds(20));
    }
}
