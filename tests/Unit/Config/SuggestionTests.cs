// SPDX-License-Identifier: BSD-3-Clause

using FsCheck;
using FsCheck.Fluent;

namespace UdpTunnel.Tests.Config;

public sealed class SuggestionTests
{
    private static readonly string[] TunnelFields =
    [
        "Name",
        "TunnelAddress",
        "NetworkAddress",
        "AllowedPorts",
        "TunnelDevice",
        "HeartbeatInterval",
        "PacketMagic",
        "TunnelPeerAddress",
        "LogFile",
        "Mtu",
        "Firewall",
        "Offload",
    ];

    [Theory]
    [InlineData("AlowedPorts", "AllowedPorts")]
    [InlineData("AllowedPort", "AllowedPorts")]
    [InlineData("tuneladress", "TunnelAddress")]
    [InlineData("MUT", "Mtu")]
    [InlineData("HeartBeat_Interval", "HeartbeatInterval")]
    [InlineData("PackteMagic", "PacketMagic")]
    public void A_misspelled_field_gets_the_nearest_name(string wrong, string right) =>
        Assert.Equal(
            [$"config.json:2:1: {wrong}: is not a field; did you mean {right}?"],
            Sample.Remarks(Sample.ServerWith(wrong, "null"))
        );

    [Fact]
    public void A_misspelled_field_of_the_other_kind_of_file_is_told_apart()
    {
        Assert.Equal(
            ["config.json:2:1: ReceiverKye: is not a field; ReceiverKey, the nearest, belongs to a relay file"],
            Sample.Remarks(Sample.ServerWith("ReceiverKye", "1"))
        );
        Assert.Equal(
            ["config.json:1:2: TunelDevice: is not a field; TunnelDevice, the nearest, belongs to a tunnel file"],
            Sample.Remarks("{\"TunelDevice\": 1, " + Sample.Receiver[1..])
        );
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("Encryption")]
    [InlineData("TunnelAddressTunnelAddressTunnelAddressTunnelAddress")]
    public void A_field_like_no_other_gets_the_list_of_fields(string name) =>
        Assert.Contains(
            "is not a field of a tunnel file (Name, Protocol, TunnelAddress, ",
            Assert.Single(Sample.Remarks(Sample.ServerWith(name, "1"))),
            StringComparison.Ordinal
        );

    [Fact]
    public void One_edit_of_a_name_suggests_that_name()
    {
        var cases =
            from field in Gen.Elements(TunnelFields)
            from place in Gen.Choose(0, field.Length - 2)
            from edit in Gen.Choose(0, 3)
            from letter in Gen.Choose('a', 'z')
            let wrong = Edit(field, place, edit, (char)letter)
            where !TunnelFields.Contains(wrong, StringComparer.OrdinalIgnoreCase)
            select (field, wrong);

        Check.One(
            FsCheck.Config.QuickThrowOnFailure.WithMaxTest(1000),
            Prop.ForAll(cases.ToArbitrary(), c =>
                Assert.EndsWith(
                    $"{c.wrong}: is not a field; did you mean {c.field}?",
                    Assert.Single(Sample.Remarks(Sample.ServerWith(c.wrong, "1"))),
                    StringComparison.Ordinal
                )
            )
        );
    }

    private static string Edit(string word, int place, int edit, char letter) =>
        edit switch
        {
            0 => word.Insert(place, letter.ToString()),
            1 => word.Remove(place, 1),
            2 => $"{word[..place]}{letter}{word[(place + 1)..]}",
            _ => $"{word[..place]}{word[place + 1]}{word[place]}{word[(place + 2)..]}",
        };
}
