// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Filter;
using UdpTunnel.Packets;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Filter;

public sealed unsafe class AddressRulesTests
{
    private const uint Own = 0x0A00_0001;
    private const uint Peer = 0x0A00_0002;
    private static readonly (uint Address, int PrefixLength) Address = (Own, 24);

    private readonly HostAddresses _host;
    private (uint Address, int PrefixLength)[] _addresses = [Address];

    public AddressRulesTests()
    {
        _host = new HostAddresses(() => _addresses);
        _host.Refresh(0);
    }

    [Theory]
    [InlineData(0x0A00_0001, "an own address")]
    [InlineData(0x0A00_00FF, "the broadcast address of an own network")]
    [InlineData(0x7F00_0001, "loopback")]
    [InlineData(0x7FFF_FFFF, "loopback")]
    [InlineData(0xE000_0001, "multicast")]
    [InlineData(0xEFFF_FFFF, "multicast")]
    [InlineData(0xFFFF_FFFF, "broadcast")]
    [InlineData(0x0000_0000, "no address")]
    public void Nothing_comes_from_an_address_that_no_peer_can_have(uint source, string what) =>
        Assert.True(Check(new AddressRules(_host, [], []), source) == DropReason.SourceAddress, what);

    [Fact]
    public void An_address_that_both_ends_have_is_remembered()
    {
        var rules = new AddressRules(_host, [], []);
        _ = Check(rules, 0x7F00_0001);
        _ = Check(rules, Peer);
        Assert.Equal(0u, rules.OwnSource);

        _ = Check(rules, Own);
        Assert.Equal(Own, rules.OwnSource);
    }

    [Theory]
    [InlineData(0x0A00_0002)]
    [InlineData(0xC0A8_0105)]
    [InlineData(0x0808_0808)]
    [InlineData(0xF000_0001)]
    public void All_other_sources_pass_as_they_did(uint source) =>
        Assert.Equal(DropReason.None, Check(new AddressRules(_host, [], []), source, destination: 0xC0A8_0106));

    [Theory]
    [InlineData("2001:db8::1", true)]
    [InlineData("::", true)]
    [InlineData("::1", true)]
    [InlineData("ff02::1", true)]
    [InlineData("::ffff:10.0.0.2", true)]
    [InlineData("2001:db8::2", false)]
    [InlineData("fe80::1", false)]
    public void The_same_holds_for_IPv6(string source, bool isRefused)
    {
        var verdict = isRefused ? DropReason.SourceAddress : DropReason.None;
        var own = System.Net.IPAddress.Parse("2001:db8::1").GetAddressBytes();
        var host = new HostAddresses(
            () => [],
            () => [System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(own)]
        );
        host.Refresh(0);
        var rules = new AddressRules(host, [], []);
        byte[] packet = new TestPacket { IsV6 = true, IsUdp = true }.Build();
        System.Net.IPAddress.Parse(source).GetAddressBytes().CopyTo(packet, 8);
        TestPacket.FixChecksums(packet);
        fixed (byte* start = packet)
        {
            // The second time it is the one that was looked at last.
            Assert.Equal(verdict, rules.Check(PacketView.Parse(start, packet.Length)));
            Assert.Equal(verdict, rules.Check(PacketView.Parse(start, packet.Length)));
        }

        // Of what is refused, the address that both ends have is remembered.
        Assert.Equal(source == "2001:db8::1" ? source : null, rules.OwnSourceV6?.ToString());
    }

    [Fact]
    public void A_file_that_names_networks_lets_pass_what_is_in_them()
    {
        var rules = new AddressRules(_host, [Network("10.0.0.0/24"), Network("192.168.1.0/24")], [Network("10.0.0.1")]);

        Assert.Equal(DropReason.None, Check(rules, Peer));
        Assert.Equal(DropReason.None, Check(rules, 0xC0A8_0105));
        Assert.Equal(DropReason.SourceAddress, Check(rules, 0xC0A8_0205));
        Assert.Equal(DropReason.DestinationAddress, Check(rules, Peer, destination: 0xC0A8_0106));
        Assert.Equal(DropReason.SourceAddress, Check(rules, Own));
    }

    [Fact]
    public void New_networks_hold_from_the_next_packet_on_also_for_the_flow_that_passed_last()
    {
        var rules = new AddressRules(_host, [], []);
        Assert.Equal(DropReason.None, Check(rules, Peer));

        rules.Limit([Network("10.0.0.9")], []);

        Assert.Equal(DropReason.SourceAddress, Check(rules, Peer));
    }

    [Fact]
    public void An_address_that_this_host_gets_later_is_its_own_then()
    {
        var rules = new AddressRules(_host, [], []);
        Assert.Equal(DropReason.None, Check(rules, Peer));

        _addresses = [Address, (Peer, 32)];
        _host.Refresh(1999);
        Assert.Equal(DropReason.None, Check(rules, Peer));
        _host.Refresh(2000);
        Assert.Equal(DropReason.SourceAddress, Check(rules, Peer));
    }

    [Fact]
    public void Addresses_that_cannot_be_looked_up_again_stay_as_they_were()
    {
        var fails = false;
        var host = new HostAddresses(() => fails ? throw new IOException("cannot list") : [Address]);
        host.Refresh(0);
        fails = true;
        host.Refresh(10_000);

        Assert.True(host.Contains(Own));
    }

    [Fact]
    public void Redirects_are_dropped_and_what_else_ICMP_says_is_not()
    {
        var rules = new AddressRules(_host, [], []);
        for (var type = 0; type <= byte.MaxValue; type++)
        {
            var packet = new TestPacket { IsUdp = true, Source = Peer }.Build();
            packet[Ipv4Header.Protocol] = Ipv4Header.Icmp;
            packet[Ipv4Header.MinLength] = (byte)type;
            Assert.Equal(type == 5 ? DropReason.IcmpType : DropReason.None, Check(rules, packet));
        }
    }

    /// <remarks>Behind the bytes lies memory that ends the program when it is read.</remarks>
    [Fact]
    public void Whatever_the_bytes_are_nothing_beyond_them_is_read()
    {
        using var memory = new GuardedMemory(4096);
        var rules = new AddressRules(_host, [Network("10.0.0.0/8")], [Network("0.0.0.0/1")]);
        Randomised.Check(3000, random =>
        {
            var bytes = random.Bytes(random.Next(80));
            if (bytes.Length > 9 && random.Chance(70))
            {
                bytes[0] = (byte)(0x40 | random.Next(16));
                bytes[Ipv4Header.Protocol] = Ipv4Header.Icmp;
            }

            _ = rules.Check(PacketView.Parse(memory.PlaceAtEnd(bytes), bytes.Length));
        });
    }

    private static DropReason Check(AddressRules rules, uint source, uint destination = Own) =>
        Check(rules, new TestPacket { Source = source, Destination = destination }.Build());

    private static DropReason Check(AddressRules rules, byte[] packet)
    {
        fixed (byte* start = packet)
        {
            return rules.Check(PacketView.Parse(start, packet.Length));
        }
    }

    private static Ipv4Network Network(string text) =>
        Ipv4Network.TryParse(text, out var network, out var error)
            ? network
            : throw new ArgumentException(error, nameof(text));
}
