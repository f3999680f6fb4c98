// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using FsCheck.Fluent;
using UdpTunnel.Config;

namespace UdpTunnel.Tests.Config;

public sealed class InterfaceAddressTests
{
    [Theory]
    [InlineData("10.0.0.1", "10.0.0.1/24")]
    [InlineData("10.0.0.0/31", "10.0.0.0/31")]
    [InlineData("10.0.0.255/32", "10.0.0.255/32")]
    [InlineData("10.0.1.0/23", "10.0.1.0/23")]
    [InlineData("10.0.0.1/1", "10.0.0.1/1")]
    [InlineData("100.64.0.1/10", "100.64.0.1/10")]
    public void An_address_that_a_host_can_have_is_read(string text, string canonical)
    {
        Assert.True(InterfaceAddress.TryParse(text, out var address, out var error));
        Assert.Null(error);
        Assert.Equal(canonical, address.ToString());
    }

    [Fact]
    public void Every_address_is_read_exactly_when_it_is_no_special_one()
    {
        var cases =
            from bytes in Gen.ArrayOf(
                Gen.Frequency((2, Gen.Choose(0, 255)), (1, Gen.Elements(0, 127, 224, 239, 240, 255))),
                4
            )
            from prefix in Gen.Choose(1, 32)
            select (bytes, prefix);

        Generated.ForAll(cases, c =>
        {
            // Bit by bit, as one would explain it.
            var bits = string.Concat(c.bytes.Select(b => Convert.ToString(b, 2).PadLeft(8, '0')));
            var host = bits[c.prefix..];
            var isHost =
                c.bytes[0] is not (0 or 127 or (>= 224 and <= 239))
                && bits.Contains('0')
                && (host.Length < 2 || (host.Contains('0') && host.Contains('1')));
            var text = $"{string.Join('.', c.bytes)}/{c.prefix}";

            Assert.Equal(isHost, InterfaceAddress.TryParse(text, out var address, out var error));
            Assert.Equal(isHost, error is null);
            if (address is not null)
            {
                Assert.Equal(text, address.ToString());
                Assert.Equal(IPAddress.Parse(string.Join('.', c.bytes)), address.Address);
                Assert.Equal(c.prefix, address.PrefixLength);
            }
        });
    }
}
