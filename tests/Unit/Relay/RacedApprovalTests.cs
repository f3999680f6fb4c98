// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Hosting;
using UdpTunnel.Relay;
using UdpTunnel.Relay.Approval;

namespace UdpTunnel.Tests.Relay;

/// <summary>Two senders, approved at the same moment: one wins, the other is told.</summary>
public sealed class RacedApprovalTests
{
    [Fact]
    public void The_loser_is_told_waits_on_and_is_told_again_when_the_winner_is_gone()
    {
        using var relay = new RelayEngines(RelayProtocol.Tls, TimeProvider.System);
        var (winner, loser) = Race(relay);

        relay.WaitFor(() => winner.Engine.Status.State == RelayState.Running, "the winner to run");
        relay.WaitFor(
            () => loser.Engine.Status.Problem.Contains("has let another sender in", StringComparison.Ordinal),
            "the loser to be told"
        );
        Assert.Equal(RelayState.Pending, loser.Engine.Status.State);
        Assert.Single(loser.Events.After(0), e => e.Kind == EventKind.RelayWaiting);
        Assert.Contains(relay.Receiver.Senders, s => s == loser.Status);

        relay.Receiver.Revoke(relay.Receiver.Senders.Single(s => s.State == SenderState.Connected));
        relay.WaitFor(
            () =>
                loser.Engine.Status
                    is { State: RelayState.Pending, Problem: "waits until the receiver's user approves it" },
            "the loser to be told again"
        );
        relay.Receiver.Approve(loser.Status, once: false);
        relay.WaitFor(() => loser.Engine.Status.State == RelayState.Running, "the loser to run");
    }

    [Fact]
    public void In_the_classic_protocol_the_loser_learns_it_from_the_end_of_its_connection_and_comes_back()
    {
        using var relay = new RelayEngines(RelayProtocol.Classic, TimeProvider.System);
        var (_, loser) = Race(relay);

        relay.WaitFor(
            () => loser.Events.After(0).Any(e => e.Kind == EventKind.RelayDisconnected),
            "the loser to notice"
        );
        relay.WaitFor(
            () =>
                relay
                    .Events.After(0)
                    .Any(e =>
                        e.Kind == EventKind.SenderDenied
                        && e.Message.StartsWith(Name(loser.Status), StringComparison.Ordinal)
                        && e.Message.EndsWith("another sender was let in", StringComparison.Ordinal)
                    ),
            "the receiver to tell it"
        );
        relay.WaitFor(
            () => relay.Receiver.Senders.Any(s => s.State == SenderState.Pending && s.Address != loser.Status.Address),
            "the loser to wait again"
        );
        relay.WaitFor(
            () => loser.Engine.Status.Problem.Contains("closed the connection", StringComparison.Ordinal),
            "the loser's status to say why"
        );
    }

    [Fact]
    public void Who_comes_while_another_one_is_let_in_is_told_at_once()
    {
        using var relay = new RelayEngines(RelayProtocol.Tls, TimeProvider.System);
        relay.Receiver.Approve(relay.AddSender().Status, once: true);

        var late = relay.AddSender();

        relay.WaitFor(
            () => late.Engine.Status.Problem.Contains("has let another sender in", StringComparison.Ordinal),
            "it to be told"
        );
    }

    private static string Name(SenderStatus sender) => $"a sender without a key from {sender.Address}";

    private static (RelayEngines.Sender Winner, RelayEngines.Sender Loser) Race(RelayEngines relay)
    {
        var senders = new[] { relay.AddSender(), relay.AddSender() };
        using var together = new Barrier(2);
        var results = new Exception?[2];
        var threads = senders
            .Select(
                (sender, i) =>
                    new Thread(() =>
                    {
                        together.SignalAndWait();
                        results[i] = Record.Exception(() =>
                        {
                            relay.Receiver.Approve(sender.Status, once: false);
                        });
                    })
            )
            .ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());

        var refused = Assert.IsType<RequestException>(Assert.Single(results, r => r is not null));
        Assert.Equal(Fault.SenderNotPending, refused.Fault);
        return results[0] is null ? (senders[0], senders[1]) : (senders[1], senders[0]);
    }
}
