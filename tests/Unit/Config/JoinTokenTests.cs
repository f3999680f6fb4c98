// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Security.Cryptography;
using UdpTunnel.Config;

namespace UdpTunnel.Tests.Config;

/// <summary>The line that carries an invitation.</summary>
public sealed class JoinTokenTests
{
    private static readonly JoinToken Sample = Make(
        "wg0",
        "vpn.example.com:51820",
        PortSet.All,
        "10.99.0.7/24",
        "fd99::7/64"
    );

    [Fact]
    public void A_token_is_read_as_it_was_written_also_with_white_space_from_pasting()
    {
        JoinToken[] tokens =
        [
            Sample,
            Make("a", "[2001:db8::1]:1", PortSet.Create([new PortRange(22), new PortRange(80, 90)]), "10.0.0.2/32"),
            Make(new string('n', 64), "192.0.2.1:65535", PortSet.Create([new PortRange(1)]), "fd00::2/128"),
        ];
        foreach (var token in tokens)
        {
            Assert.True(JoinToken.TryParse(token.Reveal(), out var read, out var error), error);
            Assert.Equal(token, read);
            Assert.True(JoinToken.TryParse($" {token.Reveal().Insert(40, "\r\n ")}\n", out read, out _));
            Assert.Equal(token, read);
        }

        Assert.InRange(Sample.Reveal().Length, 100, 240);
    }

    [Fact]
    public void A_token_that_was_cut_or_changed_anywhere_is_refused_without_being_shown()
    {
        var text = Sample.Reveal();
        for (var i = 0; i < text.Length; i++)
        {
            var changed = text[..i] + (text[i] == 'A' ? 'B' : 'A') + text[(i + 1)..];
            Assert.False(JoinToken.TryParse(changed, out _, out var error));
            Assert.DoesNotContain(text[5..20], error, StringComparison.Ordinal);
            Assert.False(JoinToken.TryParse(text[..i], out _, out _));
            Assert.False(JoinToken.TryParse(text.Remove(i, 1), out _, out _));
        }

        Assert.True(JoinToken.TryParse(text + "=", out _, out _) || !JoinToken.TryParse(text + "A", out _, out _));
        Assert.False(JoinToken.TryParse("utj2_" + text[5..], out _, out var version));
        Assert.Contains("another version", version, StringComparison.Ordinal);
        Assert.False(JoinToken.TryParse("", out _, out _));
        Assert.False(JoinToken.TryParse(new string('x', 100_000), out _, out _));
    }

    [Fact]
    public void The_configuration_of_a_token_is_valid_and_its_text_shows_no_key_unasked()
    {
        var config = Sample.ToConfiguration("office");
        var result = ConfigFile.Parse(System.Text.Encoding.UTF8.GetBytes(config.ToJson()), "office");

        Assert.Equal(config, result.Configuration);
        Assert.Empty(result.Diagnostics);
        Assert.Equal("10.99.0.0/24 fd99::/64", string.Join(' ', config.Peers[0].AllowedIPs));
        Assert.DoesNotContain(Sample.PrivateKey.Reveal(), $"{Sample} {config}", StringComparison.Ordinal);
    }

    [Fact]
    public void A_free_network_is_private_and_overlaps_with_nothing_that_the_host_reaches()
    {
        var random = new Random(3);
        for (var run = 0; run < 300; run++)
        {
            IpPrefix[] taken =
            [
                IpPrefix.Of(IPAddress.Any, 0),
                IpPrefix.Of(IPAddress.IPv6Any, 0),
                IpPrefix.Of(IPAddress.Parse("10.0.0.0"), random.Next(8, 11)),
                IpPrefix.Of(IPAddress.Parse($"172.{random.Next(16, 32)}.0.0"), random.Next(12, 20)),
                IpPrefix.Of(IPAddress.Parse($"10.{random.Next(256)}.0.0"), random.Next(8, 31)),
            ];
            var v4 = FreeNetwork.V4(taken, random);
            var v6 = FreeNetwork.V6(taken, random);
            Assert.NotNull(v4);
            Assert.NotNull(v6);
            Assert.DoesNotContain(taken[2..], t => t.Contains(v4.Value) || v4.Value.Contains(t));
            Assert.Equal((24, 64), (v4.Value.Length, v6.Value.Length));
            Assert.True(IpPrefix.Of(IPAddress.Parse("fd00::"), 8).Contains(v6.Value));
        }

        IpPrefix[] all =
        [
            IpPrefix.Of(IPAddress.Parse("10.0.0.0"), 8),
            IpPrefix.Of(IPAddress.Parse("172.16.0.0"), 12),
            IpPrefix.Of(IPAddress.Parse("192.168.0.0"), 16),
        ];
        Assert.Null(FreeNetwork.V4(all, random));
    }

    private static JoinToken Make(string name, string endpoint, PortSet ports, params string[] addresses)
    {
        Assert.True(HostPort.TryParse(endpoint, out var host, out _));
        var key = RandomNumberGenerator.GetBytes(32);
        key[0] &= 0xF8;
        key[31] = (byte)((key[31] & 0x7F) | 0x40);
        return new JoinToken(
            name,
            SecretKey.FromBytes(key),
            new PublicKey(RandomNumberGenerator.GetBytes(32)),
            DateTimeOffset.FromUnixTimeSeconds(1_800_000_000),
            1420,
            host,
            [
                .. addresses.Select(text =>
                    InterfaceAddress.TryParseEither(text, requiresLength: true, out var address, out var error)
                        ? address
                        : throw new InvalidOperationException(error)
                ),
            ],
            ports
        );
    }
}
