// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Security.Cryptography;
using System.Text;
using UdpTunnel.Config;
using UdpTunnel.Relay.Approval;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Relay;

public sealed class ApprovalsTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch;

    [Fact]
    public void A_stranger_waits_and_is_let_in_when_approved()
    {
        var approvals = new Approvals<Applicant>([], TimeProvider.System);
        var stranger = new Applicant("key", 1);

        Assert.Equal(Admission.Waits, approvals.Enter(stranger, out _));
        Assert.Null(approvals.Active);
        Assert.True(approvals.TryApprove(stranger, out var replaced));
        Assert.Null(replaced);
        Assert.Same(stranger, approvals.Active);
        Assert.Empty(approvals.Waiting);
    }

    [Fact]
    public void A_remembered_key_is_let_in_without_a_person_and_replaces_its_own_older_connection()
    {
        var approvals = new Approvals<Applicant>([Remembered("key")], TimeProvider.System);
        var first = new Applicant("key", 1);
        var second = new Applicant("key", 2);

        Assert.Equal(Admission.Admitted, approvals.Enter(first, out _));
        Assert.Equal(Admission.Admitted, approvals.Enter(second, out var replaced));
        Assert.Same(first, replaced);
        Assert.Null(approvals.Leave(first));
        Assert.Same(second, approvals.Active);
    }

    [Fact]
    public void Of_two_senders_exactly_one_is_let_in()
    {
        var approvals = new Approvals<Applicant>([], TimeProvider.System);
        var (first, second) = (new Applicant("a", 1), new Applicant("b", 2));
        approvals.Enter(first, out _);
        approvals.Enter(second, out _);

        Assert.True(approvals.TryApprove(second, out _));
        Assert.False(approvals.TryApprove(first, out _));
        Assert.Same(second, approvals.Active);
        Assert.Same(first, Assert.Single(approvals.Waiting).Applicant);
    }

    [Fact]
    public void A_remembered_key_waits_for_another_remembered_one_and_is_let_in_when_that_goes()
    {
        var approvals = new Approvals<Applicant>([Remembered("a"), Remembered("b")], TimeProvider.System);
        var (first, second) = (new Applicant("a", 1), new Applicant("b", 2));
        approvals.Enter(first, out _);

        Assert.Equal(Admission.Waits, approvals.Enter(second, out _));
        Assert.Same(second, approvals.Leave(first));
        Assert.Same(second, approvals.Active);
    }

    [Fact]
    public void Strangers_fill_only_the_places_there_are_and_push_nobody_out()
    {
        var approvals = new Approvals<Applicant>([Remembered("friend"), Remembered("other")], TimeProvider.System);
        approvals.Enter(new Applicant("friend", 200), out _);
        var admissions = Enumerable
            .Range(0, 100)
            .Select(i => approvals.Enter(new Applicant($"stranger {i}", i, subnet: i), out _))
            .ToList();

        Assert.Equal(Approvals<Applicant>.MaxWaiting, admissions.Count(a => a == Admission.Waits));
        Assert.All(admissions.Skip(Approvals<Applicant>.MaxWaiting), a => Assert.Equal(Admission.Refused, a));
        Assert.Equal(KeyOf("friend"), approvals.Active!.Key);
        Assert.Equal(Admission.Waits, approvals.Enter(new Applicant("other", 201), out _));
    }

    [Fact]
    public void One_network_has_only_some_of_the_places()
    {
        var approvals = new Approvals<Applicant>([], TimeProvider.System);
        var admissions = Enumerable.Range(0, 20).Select(i => approvals.Enter(new Applicant(null, 7), out _)).ToList();

        Assert.Equal(Approvals<Applicant>.MaxWaitingPerNetwork, admissions.Count(a => a == Admission.Waits));
        Assert.Equal(Admission.Waits, approvals.Enter(new Applicant(null, 8), out _));
        Assert.Equal(
            Approvals<Applicant>.MaxWaitingPerWideNetwork - Approvals<Applicant>.MaxWaitingPerNetwork - 1,
            Enumerable.Range(10, 100).Count(i => approvals.Enter(new Applicant(null, i), out _) == Admission.Waits)
        );
        Assert.Equal(Admission.Waits, approvals.Enter(new Applicant(null, 8, subnet: 1), out _));
    }

    [Fact]
    public void A_key_that_connects_again_while_it_waits_takes_its_own_place()
    {
        var approvals = new Approvals<Applicant>([], TimeProvider.System);
        var first = new Applicant("key", 1);
        approvals.Enter(first, out _);

        Assert.Equal(Admission.Waits, approvals.Enter(new Applicant("key", 2), out var replaced));
        Assert.Same(first, replaced);
        Assert.Single(approvals.Waiting);
        Assert.Null(approvals.Leave(first));
        Assert.Single(approvals.Waiting);
    }

    [Fact]
    public void A_sender_without_a_key_is_never_taken_for_another_one()
    {
        var approvals = new Approvals<Applicant>([], TimeProvider.System);
        var (first, second) = (new Applicant(null, 1), new Applicant(null, 1));
        approvals.Enter(first, out _);
        approvals.TryApprove(first, out _);

        Assert.Equal(Admission.Waits, approvals.Enter(second, out var replaced));
        Assert.Null(replaced);
        Assert.False(approvals.TryApprove(second, out _));
    }

    [Fact]
    public void Only_so_many_keys_are_remembered()
    {
        var approvals = new Approvals<Applicant>(
            Enumerable.Range(0, Approvals<Applicant>.MaxRemembered).Select(i => Remembered($"{i}")),
            TimeProvider.System
        );

        Assert.Null(approvals.With(Remembered("one more")));
        Assert.Equal(Approvals<Applicant>.MaxRemembered, approvals.With(Remembered("7"))!.Count);
        Assert.Equal(Approvals<Applicant>.MaxRemembered - 1, approvals.Without(KeyOf("7")).Count);
    }

    [Fact]
    public void Whatever_happens_the_bounds_hold_and_strangers_never_get_in() => Randomised.Check(100, random =>
        {
            var approvals = new Approvals<Applicant>([Remembered("0"), Remembered("1")], TimeProvider.System);
            var connected = new List<Applicant>();
            for (var i = 0; i < 500; i++)
            {
                if (random.Chance(60))
                {
                    var applicant = new Applicant(random.Chance(30) ? null : $"{random.Next(30)}", random.Next(10));
                    if (approvals.Enter(applicant, out var replaced) != Admission.Refused)
                    {
                        connected.Add(applicant);
                    }

                    Assert.True(replaced is null || replaced.Key == applicant.Key);
                }
                else if (connected.Count > 0)
                {
                    var leaving = random.OneOf(connected.ToArray());
                    approvals.Leave(leaving);
                    connected.Remove(leaving);
                }

                Assert.True(
                    approvals.Active is null || approvals.Active.Key == KeyOf("0") || approvals.Active.Key == KeyOf("1")
                );
                Assert.InRange(approvals.Waiting.Count, 0, Approvals<Applicant>.MaxWaiting + 2);
                Assert.DoesNotContain(approvals.Active, approvals.Waiting.Select(w => w.Applicant));
            }
        });

    [Theory]
    [InlineData("full", true)]
    [InlineData("SHA256:prefix", true)]
    [InlineData("prefix", true)]
    [InlineData("192.0.2.1:4000", true)]
    [InlineData("192.0.2.1:400", false)]
    [InlineData("SHA256:", false)]
    [InlineData("x", false)]
    public void A_sender_is_meant_by_fingerprint_prefix_or_address(string text, bool expected)
    {
        var key = KeyOf("key");
        var hash = key.ToString()["SHA256:".Length..];
        text = text.Replace("full", key.ToString(), StringComparison.Ordinal)
            .Replace("prefix", hash[..5], StringComparison.Ordinal);
        text = text == "x" ? hash[1..6] : text;

        Assert.Equal(
            expected,
            SenderSelector.Matches(text, new SenderStatus(key, "192.0.2.1:4000", "relay", SenderState.Pending, Now))
        );
    }

    private static KeyFingerprint KeyOf(string name) =>
        KeyFingerprint.FromHash(SHA256.HashData(Encoding.UTF8.GetBytes(name)));

    private static ApprovedSender Remembered(string name) => new(KeyOf(name), "192.0.2.1:4000", Now);

    private sealed class Applicant(string? key, int address, int subnet = 0) : IApplicant
    {
        public KeyFingerprint? Key { get; } = key is null ? null : KeyOf(key);

        public IPEndPoint Remote { get; } = new(new IPAddress([10, 0, (byte)subnet, (byte)address]), 4000);

        public ulong Instance => 0;
    }
}
