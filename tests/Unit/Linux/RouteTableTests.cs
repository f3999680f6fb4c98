// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Linux;

namespace UdpTunnel.Tests.Linux;

/// <summary>Rules and tables as the kernel keeps them, in a network of the test's own.</summary>
public sealed class RouteTableTests
{
    private const int Mtu = 65_536;
    private const uint Number = 0x7574_0007;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Rules_that_were_made_are_listed_as_they_are_and_removed_one_by_one(bool isV6) =>
        NetworkNamespaceThread.Run(Mtu, () =>
        {
            RouteRule[] rules =
            [
                new(isV6, 32_762, 0, Number, GoOnAt: 32_764),
                new(isV6, 32_763, RouteTable.Main, Number, Port: 51820),
                new(isV6, 32_764, RouteTable.Main, Number, IsMainFirst: true),
                new(isV6, 32_765, Number, Number),
            ];
            for (var i = 0; i < 2; i++)
            {
                // A second time they are there already.
                Array.ForEach(rules, rule => RouteTable.AddRule(rule));
            }

            Assert.Equal(rules, RouteTable.ListRules(isV6).OrderBy(rule => rule.Priority));
            Assert.Empty(RouteTable.ListRules(!isV6));

            RouteTable.RemoveRule(rules[0]);
            Assert.Equal(rules[1..], RouteTable.ListRules(isV6).OrderBy(rule => rule.Priority));
            Array.ForEach(rules, rule => RouteTable.RemoveRule(rule));
            Assert.Empty(RouteTable.ListRules(isV6));
        });

    [Fact]
    public void A_table_is_listed_while_there_is_a_route_in_it() => NetworkNamespaceThread.Run(Mtu, () =>
        {
            var loopback = RouteSocket.FindLink("lo")!.Value;
            Assert.DoesNotContain(Number, RouteTable.ListTables(isV6: false));

            RouteTable.Add(loopback, IPAddress.Any, 0, Number);
            Assert.Contains(Number, RouteTable.ListTables(isV6: false));
            Assert.DoesNotContain(Number, RouteTable.ListTables(isV6: true));

            RouteTable.Remove(loopback, IPAddress.Any, 0, Number);
            Assert.DoesNotContain(Number, RouteTable.ListTables(isV6: false));
        });
}
