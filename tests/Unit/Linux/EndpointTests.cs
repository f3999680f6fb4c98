// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Linux;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Linux;

public sealed unsafe class EndpointTests
{
    [Fact]
    public void Nothing_is_no_endpoint()
    {
        Assert.True(default(Endpoint).IsNone);
        Assert.Equal("", default(Endpoint).ToString());
    }

    [Fact]
    public void The_layout_is_the_kernel_s()
    {
        Assert.Equal(
            "02001f90c0000207" + new string('0', 40),
            Hex(Endpoint.From(Parse("192.0.2.7:8080"), dualStack: false))
        );
        Assert.Equal(
            "0a001f90" + "00000000" + "00000000000000000000ffffc0000207" + "00000000",
            Hex(Endpoint.From(Parse("192.0.2.7:8080"), dualStack: true))
        );
        Assert.Equal(
            "0a000035" + "00000000" + "20010db8000000000000000000000001" + "00000000",
            Hex(Endpoint.From(Parse("[2001:db8::1]:53"), dualStack: true))
        );
        Assert.Equal(
            "0a00ffff" + "00000000" + "fe800000000000000000000000000001" + "03000000",
            Hex(Endpoint.From(Parse("[fe80::1%3]:65535"), dualStack: true))
        );
    }

    [Fact]
    public void The_kernel_gets_no_more_bytes_than_its_structure_has()
    {
        Assert.Equal(16, Endpoint.From(Parse("192.0.2.7:1"), dualStack: false).Length);
        Assert.Equal(28, Endpoint.From(Parse("192.0.2.7:1"), dualStack: true).Length);
        Assert.Equal(28, Endpoint.From(Parse("[::1]:1"), dualStack: false).Length);
    }

    [Fact]
    public void What_goes_in_comes_out_and_equals_itself_alone() => Randomised.Check(2000, random =>
        {
            var address = random.Chance(50)
                ? new IPAddress(random.Bytes(4))
                : new IPAddress([(byte)random.OneOf(0x20, 0xFD), .. random.Bytes(15)]);
            if (random.Chance(20))
            {
                address = new IPAddress([0xFE, 0x80, .. new byte[6], .. random.Bytes(8)], random.Next());
            }

            var endpoint = new IPEndPoint(address, random.Next(65_536));
            var dualStack =
                address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 || random.Chance(50);
            var made = Endpoint.From(endpoint, dualStack);
            var read = Endpoint.Read((byte*)&made);

            Assert.Equal(endpoint, made.ToIPEndPoint());
            Assert.Equal(endpoint.ToString(), made.ToString());
            Assert.False(made.IsNone);
            Assert.True(read.Equals(made) && read.Equals((object)made));
            Assert.Equal(made.GetHashCode(), read.GetHashCode());

            var other = Endpoint.From(new IPEndPoint(address, endpoint.Port ^ 1), dualStack);
            Assert.False(made.Equals(other));
            Assert.False(made.Equals((object?)null));
        });

    [Fact]
    public void Link_local_addresses_of_two_devices_differ() =>
        Assert.False(
            Endpoint
                .From(Parse("[fe80::1%3]:1"), dualStack: true)
                .Equals(Endpoint.From(Parse("[fe80::1%4]:1"), dualStack: true))
        );

    private static IPEndPoint Parse(string text) => IPEndPoint.Parse(text);

    private static string Hex(Endpoint endpoint) =>
        System.Convert.ToHexStringLower(new ReadOnlySpan<byte>(&endpoint, Endpoint.MaxLength));
}
