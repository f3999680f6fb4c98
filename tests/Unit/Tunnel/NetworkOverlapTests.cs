// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Linux;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Tunnel;

public sealed class NetworkOverlapTests
{
    private const int Lan = 2;
    private const int Own = 7;

    // 192.168.1.12/24 on lan, the default route through 192.168.1.1.
    private static readonly LinkAddress[] Addresses =
    [
        new(0xC0A8_010C, 24, Lan),
        new(0x7F00_0001, 8, 1),
        new(0x0A00_0001, 24, Own),
    ];
    private static readonly Route[] Routes =
    [
        new(0, 0, 0xC0A8_0101, Lan),
        new(0xC0A8_0100, 24, null, Lan),
        new(0x0A00_0000, 24, null, Own),
        new(0x0A63_0000, 16, 0x0A00_0002, Own),
    ];

    [Theory]
    [InlineData("10.0.0.9/24", "")]
    [InlineData("172.16.0.1/12", "")]
    [InlineData("192.168.7.7/16", "the network 192.168.1.0/24 of lan, the gateway 192.168.1.1")]
    [InlineData("192.168.1.1/32", "the network 192.168.1.0/24 of lan, the gateway 192.168.1.1")]
    [InlineData("192.168.1.129/30", "the network 192.168.1.0/24 of lan")]
    [InlineData("9.9.9.9/32", "the name server 9.9.9.9")]
    [InlineData(
        "128.0.0.1/1",
        "the default route through lan, the network 192.168.1.0/24 of lan, the gateway 192.168.1.1"
    )]
    public void What_a_network_covers_is_named(string network, string covered)
    {
        var found = Find(network);

        Assert.Equal(covered, found.Covered);
        Assert.Equal("", found.Shared);
    }

    /// <remarks>The other device's route stays before the tunnel's, and its hosts are reached as before.</remarks>
    [Fact]
    public void A_network_that_is_exactly_anothers_covers_nothing()
    {
        Assert.Equal(new NetworkOverlap("", "the network 192.168.1.0/24 of lan"), Find("192.168.1.7/24"));
    }

    [Theory]
    [InlineData("192.168.1.1/24", "the gateway 192.168.1.1")]
    [InlineData("192.168.1.12/24", "192.168.1.12, an address that this host has already on lan")]
    public void The_address_itself_must_be_nobodys(string address, string covered)
    {
        Assert.Equal(new NetworkOverlap(covered, "the network 192.168.1.0/24 of lan"), Find(address));
    }

    private static NetworkOverlap Find(string address)
    {
        Assert.True(InterfaceAddress.TryParse(address, out var parsed, out var error), error);
        return NetworkOverlap.Find(parsed, Addresses, Routes, [0x0909_0909], Own, link =>
            link == Lan ? "lan" : $"{link}"
        );
    }

    [Theory]
    [InlineData("fd99::/64", "")]
    [InlineData("fe80::/64", "")]
    [InlineData("2001:db8:1::/64", "the network 2001:db8:1::/64 of lan")]
    [InlineData("2001:db8:1::77/128", "the network 2001:db8:1::/64 of lan")]
    [InlineData("2001:db8::/32", "the network 2001:db8:1::/64 of lan, the name server 2001:db8:2::53")]
    public void What_an_IPv6_network_covers_is_named(string network, string covered)
    {
        Assert.True(IpPrefix.TryParse(network, out var parsed, out _, out var error), error);
        LinkAddressV6[] addresses =
        [
            new(new UInt128(0x2001_0DB8_0001_0000, 0x12), 64, Lan),
            new(new UInt128(0xFE80_0000_0000_0000, 0x12), 64, Lan),
        ];

        var found = NetworkOverlap.FindV6(
            parsed,
            addresses,
            [IPAddress.Parse("2001:db8:2::53"), IPAddress.Parse("9.9.9.9")],
            _ => "lan"
        );

        Assert.Equal(new NetworkOverlap(covered, ""), found);
    }

    [Fact]
    public void Name_servers_of_other_hosts_are_read_as_the_resolver_reads_them() =>
        Assert.Equal(
            ["9.9.9.9", "2001:db8::1", "192.168.1.1"],
            NetworkOverlap
                .NameServersIn(
                    "# nameserver 1.1.1.1\nsearch lan\nnameserver\t9.9.9.9 \nnameserver 127.0.0.53\nnameserver 2001:db8::1\nnameserver\nnameserver x\nnameserver 192.168.1.1"
                )
                .Select(server => $"{server}")
        );
}
