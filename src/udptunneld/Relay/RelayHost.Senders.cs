using UdpTunnel.Hosting;
using UdpTunnel.Relay.Approval;

namespace UdpTunnel.Relay;

/// <summary>The senders of all receivers, and what people decide about them.</summary>
internal sealed partial class RelayHost
{
    private volatile TaskCompletionSource _sendersChanged = NewSignal();

    /// <summary>The senders of all receivers.</summary>
    public IReadOnlyList<SenderStatus> Senders => [.. _relays.All.SelectMany(e => (e.Engine as ReceiverEngine)?.Senders ?? [])];

    /// <summary>Ends when a sender has come, gone or changed since it was read.</summary>
    public Task SendersChanged => _sendersChanged.Task;

    /// <summary>The senders of one receiver, or of all.</summary>
    /// <param name="relay">The receiver; empty for all.</param>
    /// <exception cref="RequestException">There is none of that name.</exception>
    public IReadOnlyList<SenderStatus> SendersOf(string relay) => relay.Length == 0
        ? Senders
        : (_relays.Find(relay).Engine as ReceiverEngine)?.Senders ?? [];

    /// <summary>Lets a pending sender in.</summary>
    /// <exception cref="RequestException">There is no such sender, or it does not wait.</exception>
    public SenderStatus Approve(string sender, bool once)
    {
        var found = SenderSelector.One(
            sender, Senders, s => s.State == SenderState.Pending, s => $"{Name(s)} does not wait: it is {Describe(s)} already");
        return ReceiverOf(found).Approve(found, once);
    }

    /// <summary>Sends a pending sender away.</summary>
    /// <exception cref="RequestException">There is no such sender, or it does not wait.</exception>
    public SenderStatus Deny(string sender)
    {
        var found = SenderSelector.One(
            sender,
            Senders,
            s => s.State == SenderState.Pending,
            s => $"{Name(s)} does not wait: it is {Describe(s)}; `udptunnelctl revoke` takes that back");
        return ReceiverOf(found).Deny(found);
    }

    /// <summary>Forgets a sender's approvals at all receivers, and ends its connections.</summary>
    /// <exception cref="RequestException">There is no such sender, or it only waits.</exception>
    public IReadOnlyList<SenderStatus> Revoke(string sender)
    {
        var found = SenderSelector.OneKey(
            sender, Senders, s => s.State != SenderState.Pending, s => $"{Name(s)} was not approved: `udptunnelctl deny` sends it away");
        return [.. found.Select(s => ReceiverOf(s).Revoke(s))];
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static string Name(SenderStatus sender) => sender.Key?.ToString() ?? sender.Address;

    private static string Describe(SenderStatus sender) => sender.State switch
    {
        SenderState.Connected => $"connected to {sender.Relay}",
        SenderState.Approved => $"approved at {sender.Relay}",
        _ => $"pending at {sender.Relay}",
    };

    private void SignalSenders()
    {
        var before = _sendersChanged;
        _sendersChanged = NewSignal();
        before.TrySetResult();
    }

    private ReceiverEngine ReceiverOf(SenderStatus sender) =>
        _relays.Find(sender.Relay).Engine as ReceiverEngine ?? throw new RequestException(Fault.SenderNotPending, $"{sender.Relay} does not run any more");
}
