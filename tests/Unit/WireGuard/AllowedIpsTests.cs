// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Config;
using UdpTunnel.WireGuard;

namespace UdpTunnel.Tests.WireGuard;

/// <summary>Cryptokey routing against a list that is searched from one end to the other.</summary>
public sealed class AllowedIpsTests
{
    private sealed class Owner(int number)
    {
        public override string ToString() => $"owner {number}";
    }

    [Theory]
    [InlineData(false, 16)]
    [InlineData(false, 300)]
    [InlineData(true, 16)]
    [InlineData(true, 300)]
    public void It_says_what_a_list_says_while_prefixes_come_move_and_go(bool isV6, int steps)
    {
        var seed = Random.Shared.Next();
        for (var round = 0; round < 60; round++)
        {
            var random = new Random(seed + round);
            var trie = new AllowedIps<Owner>();
            Dictionary<IpPrefix, Owner> model = [];
            Owner[] owners = [.. Enumerable.Range(0, 5).Select(i => new Owner(i))];
            for (var step = 0; step < steps; step++)
            {
                var prefix = RandomPrefix(random, isV6);
                var owner = owners[random.Next(owners.Length)];
                switch (random.Next(10))
                {
                    case < 6:
                        var before = model.GetValueOrDefault(prefix);
                        Assert.Equal(ReferenceEquals(before, owner) ? null : before, trie.Set(prefix, owner));
                        model[prefix] = owner;
                        break;
                    case < 9 when model.Count > 0:
                        prefix = model.Keys.ElementAt(random.Next(model.Count));
                        owner = random.Next(4) == 0 ? owner : model[prefix];
                        Assert.Equal(ReferenceEquals(model[prefix], owner), trie.Remove(prefix, owner));
                        if (ReferenceEquals(model[prefix], owner))
                        {
                            model.Remove(prefix);
                        }

                        break;
                    default:
                        Assert.Equal(
                            model.TryGetValue(prefix, out var its) && ReferenceEquals(its, owner),
                            trie.Remove(prefix, owner)
                        );
                        if (ReferenceEquals(its, owner))
                        {
                            model.Remove(prefix);
                        }

                        break;
                }

                Assert.Equal(model.Count, trie.Count);
                for (var i = 0; i < 8; i++)
                {
                    var address = RandomPrefix(random, isV6);
                    var expected = model
                        .Where(entry => Contains(entry.Key, address))
                        .OrderByDescending(entry => entry.Key.Length)
                        .FirstOrDefault()
                        .Value;
                    var found = isV6 ? trie.FindV6(address.High, address.Low) : trie.FindV4((uint)(address.High >> 32));
                    Assert.True(
                        ReferenceEquals(expected, found),
                        $"{address}: {expected}, {found}, seed {seed + round}"
                    );
                }
            }
        }
    }

    [Fact]
    public void The_longest_prefix_wins_and_families_are_apart()
    {
        var trie = new AllowedIps<string>();
        string[] prefixes =
        [
            "0.0.0.0/0",
            "10.0.0.0/8",
            "10.1.0.0/16",
            "10.1.2.3/32",
            "::/0",
            "a00::/8",
            "2001:db8::1/128",
        ];
        foreach (var text in prefixes)
        {
            Assert.Null(trie.Set(TestEnd.Prefix(text), text));
        }

        Assert.Equal("10.1.2.3/32", trie.FindV4(0x0A010203));
        Assert.Equal("10.1.0.0/16", trie.FindV4(0x0A010204));
        Assert.Equal("10.0.0.0/8", trie.FindV4(0x0A020000));
        Assert.Equal("0.0.0.0/0", trie.FindV4(0xFFFFFFFF));
        Assert.Equal("2001:db8::1/128", trie.FindV6(0x20010DB8_00000000, 1));
        Assert.Equal("::/0", trie.FindV6(0x20010DB8_00000000, 2));
        Assert.Equal("a00::/8", trie.FindV6(0x0A010203_00000000, 0));
    }

    [Fact]
    public void What_was_taken_out_leaves_nothing_behind()
    {
        var random = new Random(1);
        var trie = new AllowedIps<string>();
        for (var round = 0; round < 50; round++)
        {
            var bytes = new byte[16 * 200];
            random.NextBytes(bytes);
            IpPrefix[] prefixes =
            [
                .. bytes.Chunk(16).Select(address => IpPrefix.Of(new IPAddress(address), random.Next(20, 128))),
            ];
            Assert.All(prefixes, prefix => trie.Set(prefix, "x"));
            random.Shuffle(prefixes);
            Assert.All(prefixes, prefix => Assert.True(trie.Remove(prefix, "x")));
            Assert.Equal(0, trie.Count);
            Assert.Null(trie.FindV6(0, 0));
        }

        // As many nodes as one round needs, and not fifty times as many.
        Assert.InRange(trie.NodesV6, 200, 400);
    }

    [Fact]
    public void Host_bits_of_a_prefix_are_ignored_and_wrong_lengths_refused()
    {
        Assert.Equal("10.1.0.0/16", IpPrefix.Of(IPAddress.Parse("10.1.2.3"), 16).ToString());
        Assert.Equal(IpPrefix.Of(IPAddress.Parse("10.1.0.0"), 16), IpPrefix.Of(IPAddress.Parse("10.1.2.3"), 16));
        Assert.Equal("2001:db8::/33", IpPrefix.Of(IPAddress.Parse("2001:db8:7fff::1"), 33).ToString());
        Assert.Equal("::/0", IpPrefix.Of(IPAddress.IPv6Loopback, 0).ToString());
        Assert.Throws<ArgumentOutOfRangeException>(() => IpPrefix.Of(IPAddress.Loopback, 33));
        Assert.Throws<ArgumentOutOfRangeException>(() => IpPrefix.Of(IPAddress.IPv6Loopback, 129));
        Assert.Throws<ArgumentOutOfRangeException>(() => IpPrefix.Of(IPAddress.Loopback, -1));
    }

    /// <summary>From so few bits that prefixes contain each other often, at both ends of an address.</summary>
    private static IpPrefix RandomPrefix(Random random, bool isV6)
    {
        var bytes = new byte[isV6 ? 16 : 4];
        bytes[0] = (byte)(random.Next(4) << 6);
        bytes[^1] = (byte)random.Next(8);
        if (isV6)
        {
            bytes[7] = (byte)random.Next(4);
            bytes[8] = (byte)(random.Next(4) << 6);
        }

        int[] lengths = isV6 ? [0, 1, 2, 3, 62, 63, 64, 65, 66, 125, 126, 127, 128] : [0, 1, 2, 3, 8, 29, 30, 31, 32];
        return IpPrefix.Of(new IPAddress(bytes), lengths[random.Next(lengths.Length)]);
    }

    private static bool Contains(IpPrefix prefix, IpPrefix address)
    {
        Span<byte> bytes = stackalloc byte[16];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(bytes, address.High);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], address.Low);
        return IpPrefix.Of(new IPAddress(address.IsV6 ? bytes : bytes[..4]), prefix.Length) == prefix;
    }
}
