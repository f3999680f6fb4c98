// SPDX-License-Identifier: BSD-3-Clause

using System.Security.Cryptography;
using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Relay;

namespace UdpTunnel.Tests.Relay;

/// <summary>A sender that is told its receiver's key beforehand trusts no other one, not even the first.</summary>
public sealed class PinnedKeyTests
{
    [Fact]
    public void Another_key_is_refused_at_the_first_connection_and_the_receiver_learns_nothing_of_the_sender()
    {
        using var relay = new RelayEngines(RelayProtocol.Tls, TimeProvider.System);
        var pinned = KeyFingerprint.FromHash(SHA256.HashData("another receiver"u8));

        var sender = relay.StartSender(pinned);

        relay.WaitFor(() => sender.Engine.Status.State == RelayState.Refused, "the sender to refuse");
        var problem = sender.Engine.Status.Problem;
        Assert.Contains(pinned.ToString(), problem, StringComparison.Ordinal);
        Assert.Contains(relay.Receiver.Status.OwnFingerprint, problem, StringComparison.Ordinal);
        Assert.Contains("ReceiverKey", problem, StringComparison.Ordinal);
        Assert.Contains(sender.Events.After(0), e => e.Kind == EventKind.ReceiverKeyChanged);
        Assert.Empty(relay.Receiver.Senders);
    }

    [Fact]
    public void The_right_key_is_taken()
    {
        using var relay = new RelayEngines(RelayProtocol.Tls, TimeProvider.System);
        Assert.True(KeyFingerprint.TryParse(relay.Receiver.Status.OwnFingerprint, out var key, out _));

        var sender = relay.StartSender(key);

        relay.WaitFor(
            () => sender.Engine.Status.State == RelayState.Pending && relay.Receiver.Senders.Count == 1,
            "the sender to wait"
        );
    }
}
