// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Relay;
using UdpTunnel.Relay.Approval;

namespace UdpTunnel.Tests.Relay;

/// <summary>How long a person has to decide, whatever is done to the wall clock meanwhile.</summary>
public sealed class PendingTimeTests
{
    private static readonly TimeSpan AMoment = TimeSpan.FromSeconds(1);

    [Theory]
    [InlineData(0)]
    [InlineData(+3650)]
    [InlineData(-3650)]
    public void A_sender_waits_for_ten_minutes_of_the_clock_that_nobody_can_set(int days)
    {
        var clock = new TwoClocks();
        using var relay = new RelayEngines(RelayProtocol.Tls, clock);
        var sender = relay.AddSender();

        clock.Pass(Approvals<ReceiverConnection>.WaitingTime - AMoment);
        clock.Wall = clock.Wall.AddDays(days);
        relay.Receiver.Tick();

        var waiting = Assert.Single(relay.Receiver.Senders);
        Assert.Equal((SenderState.Pending, sender.Status.Since), (waiting.State, waiting.Since));

        clock.Pass(AMoment);
        relay.Receiver.Tick();

        Assert.DoesNotContain(relay.Receiver.Senders, s => s.Address == sender.Status.Address);
        relay.WaitFor(
            () =>
                sender
                    .Events.After(0)
                    .Any(e => e.Message.EndsWith("nobody approved it in time", StringComparison.Ordinal)),
            "the sender to be told"
        );
        relay.WaitFor(
            () => relay.Events.After(0).Any(e => e.Kind == EventKind.SenderDenied),
            "the receiver to tell it"
        );

        // It tries again, and waits anew.
        relay.WaitFor(
            () => sender.Engine.Status.State == RelayState.Pending && relay.Receiver.Senders.Count == 1,
            "the sender to wait again"
        );
    }
}
