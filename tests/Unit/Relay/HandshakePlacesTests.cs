// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Approval;
using UdpTunnel.Tests.Packets;
using Places = UdpTunnel.Relay.Approval.HandshakePlaces<UdpTunnel.Tests.Relay.HandshakePlacesTests.Handshake>;

namespace UdpTunnel.Tests.Relay;

/// <summary>
/// One network is one stranger: how many connections it may have shaking hands, and how many a second.
/// </summary>
public sealed class HandshakePlacesTests
{
    [Theory]
    [InlineData("192.0.2.7", "192.0.2.7", true, true)]
    [InlineData("192.0.2.7", "::ffff:192.0.2.7", true, true)]
    [InlineData("192.0.2.7", "192.0.2.8", false, true)]
    [InlineData("192.0.2.7", "192.0.3.7", false, false)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:2:ffff::1", true, true)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:3::1", false, true)]
    [InlineData("2001:db8:1:2::1", "2001:db8:2:2::1", false, false)]
    public void Addresses_of_one_network_are_one_stranger(string one, string other, bool narrow, bool wide)
    {
        var (a, b) = (SourceNetwork.Of(IPAddress.Parse(one)), SourceNetwork.Of(IPAddress.Parse(other)));

        Assert.Equal((narrow, wide), (a.Narrow == b.Narrow, a.Wide == b.Wide));
    }

    [Fact]
    public void One_network_has_only_some_of_the_places()
    {
        var places = new Places();
        Assert.Equal(
            Places.MostPerNetwork,
            Enumerable.Range(0, 20).Count(i => Takes(places, $"2001:db8:1:9::{i + 1:x}", 0))
        );
        Assert.Equal(
            Places.MostPerWideNetwork - Places.MostPerNetwork,
            Enumerable.Range(0, 40).Count(i => Takes(places, $"2001:db8:1:{i + 10:x}::1", 0))
        );
        Assert.True(Takes(places, "2001:db8:2:1::1", 0));
    }

    [Fact]
    public void A_handshake_without_progress_gives_way_to_a_newer_one_of_its_network()
    {
        var places = new Places();
        Assert.True(Takes(places, "192.0.2.9", 0));
        var held = Enumerable.Range(0, Places.MostPerNetwork).Select(i => new Handshake("192.0.2.7", i)).ToList();
        held.ForEach(h => Assert.True(places.TryTake(h, isFriend: false, h.LastStep, out _)));
        held[0].Step = 1;

        Assert.False(places.TryTake(new Handshake("192.0.2.7", 900), isFriend: false, 900, out _));
        Assert.True(places.TryTake(new Handshake("192.0.2.7", 2000), isFriend: false, 2000, out var givesWay));
        Assert.Same(held[1], givesWay);
    }

    [Fact]
    public void Strangers_take_no_place_of_a_network_that_an_approved_sender_came_from()
    {
        var places = new Places();
        var now = 0L;
        for (; places.Count < Places.Most; now += 10)
        {
            Takes(places, $"10.{now % 250}.{now / 250}.1", now);
        }

        Assert.False(Takes(places, "198.51.100.1", now - 10));
        Assert.True(places.TryTake(new Handshake("192.0.2.7", now), isFriend: true, now, out var givesWay));
        Assert.Null(givesWay);
    }

    [Fact]
    public void One_address_shakes_hands_at_a_bounded_rate_and_so_do_all_strangers_together()
    {
        var one = new Places();
        Assert.InRange(CountInTenSeconds(one, _ => "192.0.2.7"), 100, 130);
        var many = new Places();
        Assert.InRange(CountInTenSeconds(many, i => $"10.{i % 256}.{i / 256 % 256}.1"), 500, 640);
    }

    [Fact]
    public void Whatever_comes_the_bounds_hold() => Randomised.Check(50, random =>
        {
            var places = new Places();
            var held = new List<Handshake>();
            long now = 0;
            for (var i = 0; i < 500; i++)
            {
                now += random.Next(50);
                var newcomer = new Handshake($"10.0.{random.Next(6)}.{random.Next(12)}", now);
                if (places.TryTake(newcomer, random.Chance(10), now, out var givesWay))
                {
                    held.Add(newcomer);
                }

                if (givesWay is not null)
                {
                    Assert.True(held.Remove(givesWay));
                }

                if (held.Count > 0 && random.Chance(20))
                {
                    var done = random.OneOf(held.ToArray());
                    places.Release(done);
                    held.Remove(done);
                }

                Assert.Equal(held.Count, places.Count);
                Assert.InRange(held.Count, 0, Places.Most + Places.MostOfFriends);
            }
        });

    private static int CountInTenSeconds(Places places, Func<int, string> address)
    {
        var count = 0;
        for (var i = 0; i < 10_000; i++)
        {
            var handshake = new Handshake(address(i), i);
            if (places.TryTake(handshake, isFriend: false, i, out _))
            {
                count++;
                places.Release(handshake);
            }
        }

        return count;
    }

    private static bool Takes(Places places, string address, long now) =>
        places.TryTake(new Handshake(address, now), isFriend: false, now, out _);

    internal sealed class Handshake(string address, long now) : IHandshake
    {
        public SourceNetwork Network { get; } = SourceNetwork.Of(IPAddress.Parse(address));

        public int Step { get; set; }

        public long LastStep => now;
    }
}
