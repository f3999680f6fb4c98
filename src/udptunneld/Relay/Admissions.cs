// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Approval;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay;

/// <summary>
/// Who is let in at a receiver, and people's decisions about it. Connections belong to the receiver's thread, which
/// enters and leaves them here and is woken after each decision: it lets in the one that is active, and sends away each
/// that was decided against. Any thread; nothing here waits for a connection.
/// </summary>
/// <param name="config">The receiver.</param>
/// <param name="keys">Where approved keys are remembered.</param>
/// <param name="events">Where to tell.</param>
/// <param name="time">The clock.</param>
/// <param name="decided">Wakes the receiver's thread and tells watchers.</param>
internal sealed class Admissions(
    RelayConfig config,
    SenderKeys keys,
    RelayEvents events,
    TimeProvider time,
    Action decided
)
{
    // Protects the approvals. The decision about a connection is made while it is held, so that exactly one is let in.
    private readonly Lock _gate = new();
    private readonly Approvals<ReceiverConnection> _approvals = new(keys.Load(), time);
    private volatile HashSet<ulong>? _friends;
    private volatile ReceiverConnection? _active;

    // From where keys that are remembered have come since the start.
    private readonly Dictionary<KeyFingerprint, ulong> _networks = [];
    private readonly List<KeyFingerprint> _revoked = [];

    /// <summary>The sender that is let in; null for none.</summary>
    public ReceiverConnection? Active => _active;

    /// <summary>How many wait.</summary>
    public int WaitingCount
    {
        get
        {
            lock (_gate)
            {
                return _approvals.Waiting.Count;
            }
        }
    }

    /// <summary>The senders that wait, are connected or are remembered.</summary>
    public IReadOnlyList<SenderStatus> Senders
    {
        get
        {
            lock (_gate)
            {
                var result = _approvals
                    .Waiting.Select(w => new SenderStatus(
                        w.Applicant.Key,
                        w.Applicant.Remote.ToString(),
                        config.Name,
                        SenderState.Pending,
                        w.Since
                    )
                    {
                        Introduction = w.Applicant.Introduction,
                        Serves = w.Applicant.Accepted ?? ServiceOffer.None,
                    })
                    .ToList();
                if (_approvals.Active is { } active)
                {
                    result.Add(
                        new SenderStatus(
                            active.Key,
                            active.Remote.ToString(),
                            config.Name,
                            SenderState.Connected,
                            _approvals.ActiveSince
                        )
                        {
                            Introduction = active.Introduction,
                            Serves = active.Accepted ?? ServiceOffer.None,
                        }
                    );
                }

                var connected = result.Select(s => s.Key).ToHashSet();
                result.AddRange(
                    _approvals
                        .Remembered.Where(s => !connected.Contains(s.Key))
                        .Select(s => new SenderStatus(s.Key, s.Address, config.Name, SenderState.Approved, s.Since))
                );
                return result;
            }
        }
    }

    /// <summary>Whether a key is remembered.</summary>
    public bool IsRemembered(KeyFingerprint key)
    {
        lock (_gate)
        {
            return _approvals.IsRemembered(key);
        }
    }

    /// <summary>Whether a remembered sender has come from a network: when it was approved, or later.</summary>
    public bool IsFriendly(SourceNetwork network)
    {
        if (_friends is not { } friends)
        {
            lock (_gate)
            {
                _friends = friends = [.. _networks.Where(n => _approvals.IsRemembered(n.Key)).Select(n => n.Value)];
                foreach (var sender in _approvals.Remembered)
                {
                    if (IPEndPoint.TryParse(sender.Address, out var address))
                    {
                        friends.Add(SourceNetwork.Of(address.Address).Narrow);
                    }
                }
            }
        }

        return friends.Contains(network.Narrow);
    }

    /// <summary>The keys that were revoked since the last call.</summary>
    public IReadOnlyList<KeyFingerprint> TakeRevoked()
    {
        lock (_gate)
        {
            if (_revoked.Count == 0)
            {
                return [];
            }

            KeyFingerprint[] revoked = [.. _revoked];
            _revoked.Clear();
            return revoked;
        }
    }

    /// <summary>A sender has proven its key. The receiver's thread.</summary>
    public void Enter(ReceiverConnection connection)
    {
        Admission admission;
        lock (_gate)
        {
            admission = _approvals.Enter(connection, out var replaced);
            if (replaced is not null)
            {
                var (goes, stays) = admission == Admission.Duplicate ? (connection, replaced) : (replaced, connection);
                goes.Decide(new Denial(DenialCode.Replaced, Rivalry(goes, stays)));
            }

            if (admission == Admission.Admitted)
            {
                Activate(connection);
            }

            if (connection.Key is { } known && _approvals.IsRemembered(known))
            {
                _networks[known] = connection.Network.Narrow;
                _friends = null;
            }
        }

        switch (admission)
        {
            case Admission.Admitted:
                ReportAdmitted(connection);
                break;
            case Admission.Waits:
                var hint = connection.Key is { } key ? key.ToString() : connection.Remote.ToString();
                var serves = connection.Accepted is { } accepted ? $", to serve {accepted.ToDisplayText()}" : "";
                events.Raise(
                    EventKind.SenderPending,
                    EventLevel.Info,
                    $"{connection.DisplayName} waits{serves}: "
                        + $"`udptunnelctl approve {hint} --relay {config.Name}` lets it in",
                    FactsOf(connection)
                );
                break;
            case Admission.Duplicate:
                // It was told which other one has its key.
                break;
            default:
                connection.Counters.CountDrop(RelayDropReason.PendingLimit);
                connection.Decide(new Denial(DenialCode.Busy, "too many senders wait for approval already"));
                break;
        }

        decided();
    }

    /// <summary>A sender is gone. The receiver's thread.</summary>
    public void Leave(ReceiverConnection connection)
    {
        ReceiverConnection? next;
        lock (_gate)
        {
            next = Remove(connection);
        }

        if (next is not null)
        {
            ReportAdmitted(next);
        }

        decided();
    }

    /// <summary>Sends those away for whom nobody decided in time.</summary>
    public void DenyOverdue()
    {
        List<ReceiverConnection> overdue;
        lock (_gate)
        {
            overdue = [.. _approvals.Overdue];
            overdue.ForEach(connection =>
                Deny(connection, new Denial(DenialCode.TimedOut, "nobody approved it in time"))
            );
        }

        if (overdue.Count > 0)
        {
            decided();
        }
    }

    /// <summary>Lets a waiting sender in.</summary>
    /// <param name="sender">As it was told.</param>
    /// <param name="once">Whether its key is not to be remembered.</param>
    /// <exception cref="RequestException">
    /// It does not wait any more, another one is let in, or its key cannot be stored.
    /// </exception>
    public SenderStatus Approve(SenderStatus sender, bool once)
    {
        SenderStatus result;
        ServiceOffer? serves;
        lock (_gate)
        {
            var connection = FindWaiting(sender);
            serves = connection.Accepted;
            if (_approvals.Active is { } active && (connection.Key is null || active.Key != connection.Key))
            {
                throw new RequestException(
                    Fault.SenderNotPending,
                    $"{active.DisplayName} is connected to {config.Name} already: `udptunnelctl revoke` it first"
                );
            }

            var now = time.GetUtcNow();
            if (!once && connection.Key is { } key)
            {
                Remember(
                    _approvals.With(new ApprovedSender(key, connection.Remote.ToString(), now))
                        ?? throw new RequestException(
                            Fault.LimitReached,
                            $"{config.Name} remembers {Approvals<ReceiverConnection>.MaxRemembered} senders already"
                        )
                );
            }

            _approvals.TryApprove(connection, out var replaced);
            replaced?.Decide(new Denial(DenialCode.Replaced, Rivalry(replaced, connection)));
            Activate(connection);
            result = new SenderStatus(
                connection.Key,
                connection.Remote.ToString(),
                config.Name,
                SenderState.Connected,
                now
            )
            {
                Introduction = connection.Introduction,
                Serves = serves ?? ServiceOffer.None,
            };
        }

        events.Raise(
            EventKind.SenderApproved,
            EventLevel.Info,
            $"{result.Key?.ToString() ?? "a sender without a key"} from {result.Address} was approved"
                + (serves is null ? "" : $" to serve {serves.ToDisplayText()}"),
            new EventFacts { PublicKey = $"{result.Key}", Endpoint = $"{result.Address}" }
        );
        decided();
        return result;
    }

    /// <summary>Sends a waiting sender away.</summary>
    /// <exception cref="RequestException">It does not wait any more.</exception>
    public SenderStatus Deny(SenderStatus sender)
    {
        lock (_gate)
        {
            Deny(FindWaiting(sender), new Denial(DenialCode.Denied, "the receiver's user denied it"));
        }

        decided();
        return sender;
    }

    /// <summary>Forgets an approval and ends all connections of its key.</summary>
    /// <exception cref="RequestException">The key cannot be removed from the store.</exception>
    public SenderStatus Revoke(SenderStatus sender)
    {
        ReceiverConnection? next = null;
        lock (_gate)
        {
            if (sender.Key is { } key)
            {
                if (_approvals.IsRemembered(key))
                {
                    Remember(_approvals.Without(key));
                }

                _revoked.Add(key);
            }

            var denial = new Denial(DenialCode.Revoked, "the receiver's user revoked its approval");
            foreach (var waiting in _approvals.Waiting.Where(w => IsMeant(w.Applicant, sender)).ToList())
            {
                Deny(waiting.Applicant, denial);
            }

            if (_approvals.Active is { } active && IsMeant(active, sender))
            {
                active.Decide(denial);
                next = Remove(active);
            }
        }

        events.Raise(
            EventKind.SenderDenied,
            EventLevel.Info,
            $"{sender.Key?.ToString() ?? "the sender without a key"} from {sender.Address} was revoked",
            new EventFacts { PublicKey = $"{sender.Key}", Endpoint = $"{sender.Address}" }
        );
        if (next is not null)
        {
            ReportAdmitted(next);
        }

        decided();
        return sender;
    }

    /// <summary>Why one connection of a key has to go for another one, for the people of the one that goes.</summary>
    private static string Rivalry(ReceiverConnection goes, ReceiverConnection stays)
    {
        if (!Approvals<ReceiverConnection>.IsAnother(goes, stays))
        {
            return "the same key connected again";
        }

        var (one, other) = (goes.Introduction, stays.Introduction);
        return one.Host == other.Host && one.Name != other.Name && goes.Remote.Address.Equals(stays.Remote.Address)
            ? $"another relay of this host, {other.Name}, uses the same receiver, which lets one sender of a key in: "
                + "let one relay carry both services, or give one of them a receiver of its own"
            : $"another host has the same key: {other.Host}, relay {other.Name}, from {stays.Remote}; give one of both "
                + "a key of its own: stop its daemon, remove identity.pem from its state directory, and start it again";
    }

    private static bool IsMeant(ReceiverConnection connection, SenderStatus sender) =>
        connection.Key == sender.Key && (sender.Key is not null || connection.Remote.ToString() == sender.Address);

    private void Remember(IReadOnlyList<ApprovedSender> senders)
    {
        keys.Save(senders);
        _approvals.Remember(senders);
        _friends = null;
    }

    private void Activate(ReceiverConnection connection)
    {
        _active = connection;
        if (config.Protocol != RelayProtocol.Classic)
        {
            return;
        }

        // Its end is the only word that the protocol has for those that waited beside it.
        foreach (var other in _approvals.Waiting)
        {
            other.Applicant.Decide(new Denial(DenialCode.Busy, "another sender was let in"));
        }
    }

    /// <summary>Who it is, for programs.</summary>
    public static EventFacts FactsOf(ReceiverConnection connection) =>
        new() { PublicKey = $"{connection.Key}", Endpoint = $"{connection.Remote}" };

    private ReceiverConnection? Remove(ReceiverConnection connection)
    {
        var next = _approvals.Leave(connection);
        _active = _approvals.Active;
        if (next is not null)
        {
            Activate(next);
        }

        return next;
    }

    private void Deny(ReceiverConnection connection, Denial denial)
    {
        connection.Decide(denial);
        _approvals.Leave(connection);
    }

    private ReceiverConnection FindWaiting(SenderStatus sender) =>
        _approvals
            .Waiting.Select(w => w.Applicant)
            .FirstOrDefault(a => a.Key == sender.Key && a.Remote.ToString() == sender.Address && a.Decision is null)
        ?? throw new RequestException(Fault.SenderNotPending, "it does not wait any more");

    private void ReportAdmitted(ReceiverConnection connection) =>
        events.Raise(
            EventKind.SenderApproved,
            EventLevel.Info,
            $"{connection.DisplayName} is let in: its key is remembered",
            FactsOf(connection)
        );
}
