// SPDX-License-Identifier: BSD-3-Clause

using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Relay;
using UdpTunnel.Relay.Approval;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Relay;

public sealed class RelayKeyStoreTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("relay-keys-").FullName;
    private readonly EventLog _events = new(TimeProvider.System, NullLogger<EventLog>.Instance);

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void The_key_stays_the_same_and_only_its_owner_can_read_it()
    {
        var first = New().GetIdentity().Fingerprint;

        Assert.Equal(first, New().GetIdentity().Fingerprint);
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite,
            File.GetUnixFileMode(Path.Combine(_directory, "identity.pem"))
        );
    }

    [Fact]
    public void A_damaged_key_is_set_aside_and_told()
    {
        var first = New().GetIdentity().Fingerprint;
        File.WriteAllText(Path.Combine(_directory, "identity.pem"), "nonsense");

        Assert.NotEqual(first, New().GetIdentity().Fingerprint);
        Assert.Equal("nonsense", File.ReadAllText(Path.Combine(_directory, "identity.pem.damaged")));
        Assert.Equal(EventKind.StateDamaged, Assert.Single(_events.After(0)).Kind);
    }

    [Fact]
    public void Approved_senders_are_remembered_for_each_relay()
    {
        var senders = new[]
        {
            new ApprovedSender(Key(1), "[2001:db8::1]:7", DateTimeOffset.FromUnixTimeSeconds(1_764_000_000)),
        };
        New().SaveSenders("a", senders);

        Assert.Equal(senders, New().LoadSenders("a"));
        Assert.Empty(New().LoadSenders("b"));
        New().SaveSenders("a", []);
        Assert.Empty(New().LoadSenders("a"));
        Assert.Empty(New().NamesWithSenders());
    }

    [Fact]
    public void Senders_of_relays_that_are_no_more_are_forgotten_the_oldest_first_and_others_never()
    {
        var since = DateTimeOffset.FromUnixTimeSeconds(1_764_000_000);
        var senders = new[] { new ApprovedSender(Key(1), "192.0.2.1:7", since) };
        var names = new[] { "oldest", "runs", "old", "new" };
        for (var i = 0; i < names.Length; i++)
        {
            New().SaveSenders(names[i], senders);
            File.SetLastWriteTimeUtc(Path.Combine(_directory, "senders", names[i]), DateTime.UnixEpoch.AddDays(i));
        }

        New().ForgetOldestSenders(2, name => name == "runs");

        Assert.Equal(["new", "old", "runs"], New().NamesWithSenders());
    }

    [Fact]
    public void Receivers_are_known_by_their_address()
    {
        var store = New();
        store.RememberReceiver(Address("example.com:5353"), Key(1));
        store.RememberReceiver(Address("[2001:db8::1]:5353"), Key(2));
        store.RememberReceiver(Address("example.com:5353"), Key(3));

        Assert.Equal(Key(3), New().FindReceiver(Address("example.com:5353")));
        Assert.Equal(Key(2), New().FindReceiver(Address("[2001:db8::1]:5353")));
        Assert.Null(New().FindReceiver(Address("example.com:5354")));
    }

    [Fact]
    public void Lines_that_nobody_understands_are_left_out()
    {
        _ = New();
        Fuzz();
    }

    private void Fuzz() => Randomised.Check(100, random =>
        {
            var good = $"{Key(1)} 1764000000 192.0.2.1:4000";
            var lines = Enumerable
                .Range(0, 5)
                .Select(_ => System.Text.Encoding.Latin1.GetString(random.Bytes(random.Next(80))))
                .ToList();
            lines.Insert(random.Next(lines.Count + 1), $"\n{good}\n");
            File.WriteAllText(Path.Combine(_directory, "senders", "fuzzed"), string.Join('\n', lines));

            Assert.Contains(New().LoadSenders("fuzzed"), s => s.Key == Key(1));
        });

    private static KeyFingerprint Key(byte number) => KeyFingerprint.FromHash(SHA256.HashData([number]));

    private static HostPort Address(string text) =>
        HostPort.TryParse(text, out var address, out var error) ? address : throw new ArgumentException(error);

    private RelayKeyStore New() => new(_directory, _events);
}
