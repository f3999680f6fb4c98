// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Hosting;
using UdpTunnel.Relay.Approval;
using UdpTunnel.State;

namespace UdpTunnel.Relay;

/// <summary>
/// The senders of all receivers of the daemon, those that are remembered also where no receiver runs, and people's
/// decisions about them. Any thread.
/// </summary>
/// <param name="relays">All relays.</param>
/// <param name="keys">Where approved senders are remembered.</param>
/// <param name="events">Where to tell.</param>
internal sealed class RelaySenders(
    HostTable<HostEntry<RelayConfig, RunningRelay>> relays,
    RelayKeyStore keys,
    EventLog events
)
{
    private volatile TaskCompletionSource _changed = NewSignal();

    /// <summary>Ends when a sender has come, gone or changed since it was read.</summary>
    public Task Changed => _changed.Task;

    /// <summary>All of them.</summary>
    /// <exception cref="RequestException">Remembered ones cannot be read.</exception>
    public IReadOnlyList<SenderStatus> All
    {
        get
        {
            var running = relays
                .All.Where(e => e.Engine?.Receiver is not null)
                .ToDictionary(e => e.Name, e => e.Engine!.Receiver!);
            return
            [
                .. running.Values.SelectMany(r => r.Senders),
                .. StateWriting.Try(keys.NamesWithSenders).Where(n => !running.ContainsKey(n)).SelectMany(RememberedAt),
            ];
        }
    }

    /// <summary>The senders of one receiver, or of all.</summary>
    /// <param name="relay">The receiver, which need not run where senders are remembered; empty for all.</param>
    /// <exception cref="RequestException">There is none of that name.</exception>
    public IReadOnlyList<SenderStatus> Of(string relay)
    {
        if (relay.Length == 0)
        {
            return All;
        }

        var here = All.Where(s => s.Relay == relay).ToList();
        if (here.Count == 0)
        {
            _ = relays.Find(relay);
        }

        return here;
    }

    /// <summary>The approved senders that are remembered for a receiver.</summary>
    public IReadOnlyList<SenderStatus> RememberedAt(string relay) =>
        [
            .. StateWriting
                .Try(() => keys.LoadSenders(relay))
                .Select(s => new SenderStatus(s.Key, s.Address, relay, SenderState.Approved, s.Since)),
        ];

    /// <summary>Lets a pending sender in, at each receiver that is meant.</summary>
    /// <exception cref="RequestException">
    /// There is no such sender, it does not wait, or it is not clear which.
    /// </exception>
    public IReadOnlyList<SenderStatus> Approve(SenderChoice choice, bool once)
    {
        var found = SenderSelector.OneKey(
            choice,
            All,
            s => s.State == SenderState.Pending,
            s => $"{Name(s)} does not wait: it is {Describe(s)} already"
        );
        return Decide(found, s => ReceiverOf(s).Approve(s, once));
    }

    /// <summary>Sends a pending sender away, at each receiver that is meant.</summary>
    /// <exception cref="RequestException">
    /// There is no such sender, it does not wait, or it is not clear which.
    /// </exception>
    public IReadOnlyList<SenderStatus> Deny(SenderChoice choice)
    {
        var found = SenderSelector.OneKey(
            choice,
            All,
            s => s.State == SenderState.Pending,
            s => $"{Name(s)} does not wait: it is {Describe(s)}; `udptunnelctl revoke` takes that back"
        );
        return Decide(found, s => ReceiverOf(s).Deny(s));
    }

    /// <summary>Forgets a sender's approvals at all receivers, or at one, and ends its connections.</summary>
    /// <exception cref="RequestException">There is no such sender, or it only waits.</exception>
    public IReadOnlyList<SenderStatus> Revoke(SenderChoice choice)
    {
        var found = SenderSelector.OneKey(
            choice with
            {
                All = true,
            },
            All,
            s => s.State != SenderState.Pending,
            s => $"{Name(s)} was not approved: `udptunnelctl deny` sends it away"
        );
        return Decide(found, Revoke);
    }

    /// <summary>A sender has come, gone or changed.</summary>
    public void OnChanged()
    {
        var before = _changed;
        _changed = NewSignal();
        before.TrySetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static string Name(SenderStatus sender) => sender.Key?.ToString() ?? sender.Address;

    private static string Describe(SenderStatus sender) =>
        sender.State switch
        {
            SenderState.Connected => $"connected to {sender.Relay}",
            SenderState.Approved => $"approved at {sender.Relay}",
            _ => $"pending at {sender.Relay}",
        };

    /// <summary>
    /// Decides about each. Where some fail, the others are decided all the same, and the message says so.
    /// </summary>
    private static List<SenderStatus> Decide(
        IReadOnlyList<SenderStatus> senders,
        Func<SenderStatus, SenderStatus> decide
    )
    {
        var done = new List<SenderStatus>();
        RequestException? failure = null;
        foreach (var sender in senders)
        {
            try
            {
                done.Add(decide(sender));
            }
            catch (RequestException e)
            {
                failure = e;
            }
        }

        return failure is null ? done
            : done.Count == 0 ? throw failure
            : throw new RequestException(
                failure.Fault,
                $"done at {string.Join(", ", done.Select(s => s.Relay))}, but not everywhere: {failure.Message}"
            );
    }

    private SenderStatus Revoke(SenderStatus sender)
    {
        if (
            relays.FindExisting(new HashSet<string> { sender.Relay }).FirstOrDefault()?.Engine?.Receiver is { } receiver
        )
        {
            return receiver.Revoke(sender);
        }

        StateWriting.Try(() =>
            keys.SaveSenders(sender.Relay, [.. keys.LoadSenders(sender.Relay).Where(s => s.Key != sender.Key)])
        );
        events.Add(
            EventKind.SenderDenied,
            EventLevel.Info,
            sender.Relay,
            $"{Name(sender)} was revoked; no such receiver runs now",
            new EventFacts { PublicKey = $"{sender.Key}", Endpoint = $"{sender.Address}" }
        );
        OnChanged();
        return sender;
    }

    private ReceiverEngine ReceiverOf(SenderStatus sender) =>
        relays.Find(sender.Relay).Engine?.Receiver
        ?? throw new RequestException(Fault.SenderNotPending, $"{sender.Relay} does not run any more");
}
