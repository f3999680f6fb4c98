// SPDX-License-Identifier: BSD-3-Clause

using System.Security.Cryptography;
using UdpTunnel.Config;
using UdpTunnel.Hosting;
using UdpTunnel.Relay.Approval;

namespace UdpTunnel.Tests.Relay;

/// <summary>Who is meant by what a person writes.</summary>
public sealed class SenderSelectorTests
{
    private static readonly KeyFingerprint One = KeyOf(1);
    private static readonly KeyFingerprint Other = KeyOf(2);

    private static readonly SenderStatus[] Senders =
    [
        Sender(One, "192.0.2.1:1", "game"),
        Sender(One, "192.0.2.1:2", "query"),
        Sender(Other, "192.0.2.2:1", "game"),
    ];

    [Fact]
    public void A_fingerprint_in_full_means_its_key_at_every_relay_where_it_waits()
    {
        var found = Find(new SenderChoice(One.ToString()));

        Assert.Equal(["game", "query"], found.Select(s => s.Relay));
        Assert.All(found, s => Assert.Equal(One, s.Key));
    }

    [Fact]
    public void An_abbreviation_of_a_key_that_waits_at_several_relays_needs_one_of_them_or_all()
    {
        var prefix = One.ToString()[..15];

        var refusal = Assert.Throws<RequestException>(() => Find(new SenderChoice(prefix)));

        Assert.Equal(Fault.AmbiguousSender, refusal.Fault);
        Assert.Contains("--relay game", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("--all", refusal.Message, StringComparison.Ordinal);
        Assert.Equal("query", Assert.Single(Find(new SenderChoice(prefix, "query"))).Relay);
        Assert.Equal(2, Find(new SenderChoice(prefix, All: true)).Count);
    }

    [Fact]
    public void Two_keys_are_never_meant_by_one_text()
    {
        SenderStatus[] sameAddress = [Sender(One, "192.0.2.1:1", "game"), Sender(Other, "192.0.2.1:1", "query")];

        var refusal = Assert.Throws<RequestException>(() =>
            SenderSelector.OneKey(new SenderChoice("192.0.2.1:1", All: true), sameAddress, _ => true, _ => "")
        );

        Assert.Equal(Fault.AmbiguousSender, refusal.Fault);
    }

    [Fact]
    public void A_relay_where_the_sender_is_not_is_told_with_one_where_it_is()
    {
        var refusal = Assert.Throws<RequestException>(() => Find(new SenderChoice(Other.ToString(), "query")));

        Assert.Equal(Fault.NoSuchSender, refusal.Fault);
        Assert.Contains("game", refusal.Message, StringComparison.Ordinal);
    }

    private static IReadOnlyList<SenderStatus> Find(SenderChoice choice) =>
        SenderSelector.OneKey(choice, Senders, s => s.State == SenderState.Pending, _ => "no");

    private static KeyFingerprint KeyOf(byte number) => KeyFingerprint.FromHash(SHA256.HashData([number]));

    private static SenderStatus Sender(KeyFingerprint key, string address, string relay) =>
        new(key, address, relay, SenderState.Pending, DateTimeOffset.UnixEpoch);
}
