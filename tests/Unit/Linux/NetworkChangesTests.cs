// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using System.Net;
using UdpTunnel.Linux;

namespace UdpTunnel.Tests.Linux;

/// <summary>What the kernel tells of a network of the test's own.</summary>
public sealed class NetworkChangesTests
{
    private const int Mtu = 65_536;

    [Fact]
    public void Each_change_of_an_address_or_a_route_counts_and_nothing_else_does() =>
        NetworkNamespaceThread.Run(Mtu, () =>
        {
            var loopback = RouteSocket.FindLink("lo")!.Value;
            using var changes = new NetworkChanges();
            var count = changes.Count;
            Assert.Equal(count, changes.Count);
            Action[] all =
            [
                () => RouteSocket.AddAddress(loopback, IPAddress.Parse("192.0.2.7"), 24),
                () => RouteSocket.AddAddress(loopback, IPAddress.Parse("2001:db8::7"), 64),
                () => RouteTable.Add(loopback, IPAddress.Parse("198.51.100.0"), 24, RouteTable.Main),
                () => RouteTable.Add(loopback, IPAddress.Parse("2001:db8:1::"), 48, RouteTable.Main),
                () => Ip("route del 198.51.100.0/24"),
                () => Ip("-6 route del 2001:db8:1::/48"),
                () => Ip("address del 192.0.2.7/24 dev lo"),
                () => Ip("nexthop add id 1 dev lo"),
                () => Ip("route add 203.0.113.0/24 nhid 1"),
                () => Ip("nexthop del id 1"),
            ];
            foreach (var change in all)
            {
                change();
                var next = changes.Count;
                Assert.True(next > count);
                Assert.Equal(next, changes.Count);
                count = next;
            }

            _ = RouteSocket.ListRoutes();
            RouteSocket.SetMtu(loopback, Mtu - 1);
            Assert.Equal(count, changes.Count);
        });

    [Fact]
    public void More_changes_than_the_kernel_holds_for_one_who_does_not_ask_count_as_well() =>
        NetworkNamespaceThread.Run(Mtu, () =>
        {
            var loopback = RouteSocket.FindLink("lo")!.Value;
            using var changes = new NetworkChanges();
            var count = changes.Count;
            for (var i = 0; i < 2000; i++)
            {
                RouteSocket.AddAddress(loopback, new IPAddress([10, 0, (byte)(i >> 8), (byte)i]), 32);
            }

            var next = changes.Count;
            Assert.True(next > count);
            Assert.Equal(next, changes.Count);
        });

    private static void Ip(string arguments)
    {
        using var process = Process.Start("ip", arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
