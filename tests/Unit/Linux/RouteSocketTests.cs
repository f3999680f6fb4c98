// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Linux;

namespace UdpTunnel.Tests.Linux;

/// <summary>The kernel's own answers, in a network of the test's own.</summary>
public sealed class RouteSocketTests
{
    private const int Mtu = 65_536;

    [Fact]
    public void Devices_are_found_by_name_and_by_number() => NetworkNamespaceThread.Run(Mtu, () =>
        {
            var loopback = RouteSocket.FindLink("lo");
            Assert.NotNull(loopback);
            Assert.Equal(loopback, RouteSocket.FindLink(loopback.Value));
            Assert.Null(RouteSocket.FindLink("nothere"));
            Assert.Null(RouteSocket.FindLink(4711));
        });

    [Fact]
    public void A_zone_is_a_name_or_a_number_of_a_device_that_is_there() => NetworkNamespaceThread.Run(Mtu, () =>
        {
            var address = IPAddress.Parse("fe80::1");
            var loopback = RouteSocket.FindLink("lo")!.Value;
            Assert.Equal(loopback, LinkName.WithZone(address, "lo").ScopeId);
            Assert.Equal(loopback, LinkName.WithZone(address, $"{loopback}").ScopeId);
            Assert.Same(address, LinkName.WithZone(address, ""));
            foreach (var zone in (string[])["nothere", "4711", "0", "99999999999999999999", "a-name-that-is-too-long"])
            {
                Assert.Equal(
                    Errno.NoDevice,
                    Assert.Throws<LinuxException>(() => LinkName.WithZone(address, zone)).Errno
                );
            }
        });

    [Fact]
    public void An_address_can_be_given_twice_and_is_listed_with_its_route_and_forwarding_is_told() =>
        NetworkNamespaceThread.Run(Mtu, () =>
        {
            var loopback = RouteSocket.FindLink("lo")!.Value;
            for (var i = 0; i < 2; i++)
            {
                RouteSocket.AddAddress(loopback, IPAddress.Parse("192.0.2.7"), 24);
            }

            var address = new LinkAddress(0xC000_0207, 24, loopback);
            Assert.Single(RouteSocket.ListAddresses(), address);
            Assert.DoesNotContain(RouteSocket.ListRoutes(), r => r.Gateway is not null || r.PrefixLength == 0);
            Assert.False(RouteSocket.IsForwarding(loopback));
            Assert.Throws<LinuxException>(() => RouteSocket.IsForwarding(4711));
        });

    [Fact]
    public void More_addresses_than_one_answer_holds_are_all_listed() => NetworkNamespaceThread.Run(Mtu, () =>
        {
            var loopback = RouteSocket.FindLink("lo")!.Value;
            for (var i = 1; i <= 1000; i++)
            {
                RouteSocket.AddAddress(loopback, new IPAddress([10, 0, (byte)(i >> 8), (byte)i]), 32);
            }

            Assert.Equal(1000, RouteSocket.ListAddresses().Count(a => a.Address >> 24 == 10));
        });
}
