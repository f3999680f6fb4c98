// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using FsCheck.Fluent;
using UdpTunnel.Config;

namespace UdpTunnel.Tests.Config;

public sealed class HostPortTests
{
    [Theory]
    [InlineData(":1", HostKind.None, "", 1)]
    [InlineData("tunnel-server:5353", HostKind.Name, "tunnel-server", 5353)]
    [InlineData("Example.COM.:65535", HostKind.Name, "Example.COM.", 65_535)]
    [InlineData("3com.example:80", HostKind.Name, "3com.example", 80)]
    [InlineData("192.0.2.1:53", HostKind.IPv4, "192.0.2.1", 53)]
    [InlineData("[2001:DB8:0:0::1]:53", HostKind.IPv6, "2001:db8::1", 53)]
    [InlineData("[::ffff:192.0.2.1]:53", HostKind.IPv6, "::ffff:192.0.2.1", 53)]
    [InlineData("[FE80::1%eth0]:53", HostKind.IPv6, "fe80::1%eth0", 53)]
    [InlineData("[fe80::1%3]:53", HostKind.IPv6, "fe80::1%3", 53)]
    public void A_host_and_a_port_are_read(string text, HostKind kind, string host, int port)
    {
        Assert.True(HostPort.TryParse(text, out var address, out var error));
        Assert.Null(error);
        Assert.Equal((kind, host, port), (address.Kind, address.Host, address.Port));
    }

    [Theory]
    [InlineData(":0")]
    [InlineData(":+1")]
    [InlineData(":1 ")]
    [InlineData(":٣")]
    [InlineData(" a:1")]
    [InlineData("a b:1")]
    [InlineData("a\n:1")]
    [InlineData("[::1]1")]
    [InlineData("[::1]:")]
    [InlineData("x[::1]:1")]
    [InlineData("[::1%lo]:1")]
    [InlineData("[fe80::1%a/b]:1")]
    [InlineData("[fe80::1%0123456789abcdef]:1")]
    [InlineData("[[::1]]:1")]
    [InlineData("[1:2:3]:1")]
    [InlineData("[::1/64]:1")]
    [InlineData("[::ffff:192.0.2.01]:1")]
    [InlineData("[::ffff:1.2]:1")]
    [InlineData("1.2.3:1")]
    [InlineData("1:1")]
    [InlineData("0x1:1")]
    [InlineData("010.0.0.1:1")]
    [InlineData(".:1")]
    [InlineData(".example:1")]
    [InlineData("a-.example:1")]
    [InlineData("user@example.com:1")]
    public void What_is_no_host_and_port_is_refused_with_a_reason(string text)
    {
        Assert.False(HostPort.TryParse(text, out var address, out var error));
        Assert.Null(address);
        Assert.NotEmpty(error);
        Assert.DoesNotContain(error, char.IsControl);
    }

    [Fact]
    public void Labels_have_at_most_63_and_names_at_most_253_characters()
    {
        var label = new string('a', 63);
        var name = $"{label}.{label}.{label}.{new string('b', 61)}";

        Assert.Equal(253, name.Length);
        Assert.True(HostPort.TryParse($"{name}:1", out _, out _));
        Assert.True(HostPort.TryParse($"{name}.:1", out _, out _));
        Assert.False(HostPort.TryParse($"{name}b:1", out _, out _));
        Assert.False(HostPort.TryParse($"a{label}:1", out _, out _));
    }

    [Fact]
    public void The_address_comes_without_its_zone()
    {
        Assert.True(HostPort.TryParse("[fe80::1%no-such-dev]:1", out var linkLocal, out _));
        Assert.True(linkLocal.TryGetAddress(out var address));
        Assert.Equal(IPAddress.Parse("fe80::1"), address);
        Assert.Equal("no-such-dev", linkLocal.Zone);

        Assert.True(HostPort.TryParse("192.0.2.1:1", out var v4, out _));
        Assert.True(v4.TryGetAddress(out address));
        Assert.Equal(IPAddress.Parse("192.0.2.1"), address);
        Assert.Equal("", v4.Zone);

        Assert.True(HostPort.TryParse("example.com:1", out var name, out _));
        Assert.False(name.TryGetAddress(out address));
        Assert.Null(address);
    }

    [Theory]
    [InlineData("0.0.0.0:1", true)]
    [InlineData("[0::0]:1", true)]
    [InlineData(":1", false)]
    [InlineData("192.0.2.1:1", false)]
    [InlineData("example.com:1", false)]
    public void Only_the_addresses_of_zeros_are_unspecified(string text, bool isUnspecified)
    {
        Assert.True(HostPort.TryParse(text, out var address, out _));
        Assert.Equal(isUnspecified, address.IsUnspecified);
    }

    [Fact]
    public void The_text_of_a_host_and_port_reads_back_equal() =>
        Generated.ForAll(Gen.OneOf(Generated.Clients, Generated.Local), address =>
        {
            Assert.True(HostPort.TryParse(address.ToString(), out var again, out _));
            Assert.Equal(address, again);
        });

    [Fact]
    public void Every_IPv6_address_reads_as_itself() =>
        Generated.ForAll(Gen.ArrayOf(Gen.Frequency((1, Gen.Constant(0)), (1, Gen.Choose(0, 255))), 16), bytes =>
        {
            var address = new IPAddress([.. bytes.Select(b => (byte)b)]);
            var zone = address.IsIPv6LinkLocal ? "%eth0" : "";
            Assert.True(HostPort.TryParse($"[{address}{zone}]:1", out var read, out _));
            Assert.True(read.TryGetAddress(out var again));
            Assert.Equal(address, again);
        });

    [Fact]
    public void Any_text_is_read_or_refused_with_a_reason() =>
        Generated.ForAll(Gen.ArrayOf(Gen.Elements("[]:.%-_/ a0fx9é\0".ToCharArray())), characters =>
        {
            var text = new string(characters);
            if (HostPort.TryParse(text, out var address, out var error))
            {
                Assert.True(HostPort.TryParse(address.ToString(), out var again, out _));
                Assert.Equal(address, again);
            }
            else
            {
                Assert.NotEmpty(error);
            }
        });
}
