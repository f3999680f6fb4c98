// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Relay.Flows;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Tests.Relay;

/// <summary>
/// Version 2 of the protocol: services, senders that introduce themselves, and who a client is.
/// </summary>
public sealed class IntroductionTests
{
    [Fact]
    public void An_introduction_is_read_as_it_was_written_with_names_cut_between_characters()
    {
        var offer = new ServiceOffer(false, [new PortRange(53), new PortRange(27015, 27030)]);
        var long1 = new string('a', 63) + "é";

        var read = Introduction.Read([.. new Introduction(offer, 77, long1, "tx").Write(), 1, 2, 3])!;

        Assert.Equal(offer.Ports, read.Offer.Ports);
        Assert.Equal((77ul, new string('a', 63), "tx"), (read.Instance, read.Host, read.Name));
        for (var length = 0; length < new Introduction(offer, 77, "h", "n").Write().Length; length++)
        {
            Assert.Null(Introduction.Read(new Introduction(offer, 77, "h", "n").Write().AsSpan(0, length)));
        }
    }

    [Fact]
    public void The_longest_hello_fits_into_a_control_frame()
    {
        var ranges = Enumerable.Range(1, UdpServiceList.MaxCount).Select(i => new PortRange((ushort)(i * 3)));
        var name = new string('n', 200);
        var words = new Introduction(new ServiceOffer(false, [.. ranges]), 1, name, name);

        Assert.InRange(Hello.OfSender(2, words).Length, 1, TlsCodec.MaxControl);
        var most = Enumerable.Range(1, ServiceOffer.MaxRanges).Select(i => new PortRange((ushort)(i * 3)));
        Assert.InRange(new ServiceOffer(false, [.. most]).Write().Length, 1, TlsCodec.MaxControl);
    }

    [Theory]
    [InlineData("h:53", new[] { 5300 }, "5300")]
    [InlineData("h:53", new[] { 53, 54 }, "53")]
    [InlineData("5=h:53", new[] { 53 }, "")]
    [InlineData("5=h:53", new[] { 5 }, "5")]
    [InlineData("h:50-60", new[] { 49, 50, 51, 60, 61 }, "50-51, 60")]
    public void A_receiver_takes_the_ports_that_both_have_and_a_lone_service_whatever_its_port_is(
        string service,
        int[] listening,
        string expected
    )
    {
        Assert.True(UdpService.TryParse(service, out var parsed, out _));

        var accepted = ServiceOffer.Of([parsed]).AcceptedBy(listening);

        Assert.Equal(expected, string.Join(", ", accepted.Ports));
        Assert.All(Enumerable.Range(1, 70), p =>
            Assert.Equal(accepted.Contains(p), accepted.Ports.Any(r => p >= r.First && p <= r.Last))
        );
    }

    [Fact]
    public void A_header_of_the_PROXY_protocol_is_as_its_specification_has_it()
    {
        // Section 2.2: signature, version 2 and command PROXY, family and datagram, length, addresses, ports.
        var v4 = new FlowOpening(53, 40112, 0xC000_0207, 0xC633_6402, true);
        Assert.Equal(
            "0D0A0D0A000D0A515549540A" + "21" + "12" + "000C" + "C0000207" + "C6336402" + "9CB0" + "0035",
            Convert.ToHexString(ProxyHeader.Of(v4))
        );

        var client = new UInt128(0x2001_0DB8_0000_0000, 1);
        var v6 = new FlowOpening(53, 40112, client, client + 1, false);
        Assert.Equal(
            "0D0A0D0A000D0A515549540A"
                + "21"
                + "22"
                + "0024"
                + "20010DB8000000000000000000000001"
                + "20010DB8000000000000000000000002"
                + "9CB0"
                + "0035",
            Convert.ToHexString(ProxyHeader.Of(v6))
        );
        Assert.Equal(IPEndPoint.Parse("192.0.2.7:40112"), v4.ToClient());
        Assert.Equal(IPEndPoint.Parse("[2001:db8::1]:40112"), v6.ToClient());
    }

    [Fact]
    public void A_slot_has_the_origin_of_its_last_flow_only()
    {
        var origins = new FlowOrigins();
        var (old, fresh) = (FlowId.Make(300, 1), FlowId.Make(300, 2));
        origins.Set(old, new FlowOpening(53, 1, 1, 2, true));
        origins.Set(fresh, new FlowOpening(54, 1, 1, 2, true));

        Assert.False(origins.TryFind(old, out _));
        Assert.True(origins.TryFind(fresh, out var found));
        Assert.Equal(54, found.Port);
        origins.Remove(old);
        Assert.True(origins.TryFind(fresh, out _));
        origins.Remove(fresh);
        Assert.False(origins.TryFind(fresh, out _));
        Assert.False(origins.TryFind(FlowId.Make(9, 1), out _));
    }
}
