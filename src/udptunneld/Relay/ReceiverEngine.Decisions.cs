using UdpTunnel.Events;
using UdpTunnel.Hosting;
using UdpTunnel.Relay.Approval;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay;

/// <summary>What people decide about senders.</summary>
internal sealed partial class ReceiverEngine
{
    /// <summary>The senders that wait, are connected or are remembered.</summary>
    public IReadOnlyList<SenderStatus> Senders
    {
        get
        {
            lock (_gate)
            {
                var result = _approvals.Waiting
                    .Select(w => new SenderStatus(w.Applicant.Key, w.Applicant.Remote.ToString(), _config.Name, SenderState.Pending, w.Since))
                    .ToList();
                if (_approvals.Active is { } active)
                {
                    result.Add(new SenderStatus(
                        active.Key, active.Remote.ToString(), _config.Name, SenderState.Connected, _approvals.ActiveSince));
                }

                var connected = result.Select(s => s.Key).ToHashSet();
                result.AddRange(_approvals.Remembered
                    .Where(s => !connected.Contains(s.Key))
                    .Select(s => new SenderStatus(s.Key, s.Address, _config.Name, SenderState.Approved, s.Since)));
                return result;
            }
        }
    }

    /// <summary>Lets a waiting sender in.</summary>
    /// <param name="sender">As it was told.</param>
    /// <param name="once">Whether its key is not to be remembered.</param>
    /// <exception cref="RequestException">It does not wait any more, another one is let in, or its key cannot be stored.</exception>
    public SenderStatus Approve(SenderStatus sender, bool once)
    {
        SenderStatus result;
        lock (_gate)
        {
            var connection = FindWaiting(sender);
            if (_approvals.Active is { } active && (connection.Key is null || active.Key != connection.Key))
            {
                throw new RequestException(
                    Fault.SenderNotPending,
                    $"{active.Who} is connected to {_config.Name} already: `udptunnelctl revoke` it first");
            }

            var now = _time.GetUtcNow();
            if (!once && connection.Key is { } key)
            {
                var keys = _approvals.With(new ApprovedSender(key, connection.Remote.ToString(), now))
                    ?? throw new RequestException(Fault.LimitReached, $"{_config.Name} remembers {Approvals<ReceiverConnection>.MaxRemembered} senders already");
                _keys.Save(keys);
                _approvals.Remember(keys);
            }

            _approvals.TryApprove(connection, out var replaced);
            LetIn(connection, replaced);
            result = new SenderStatus(connection.Key, connection.Remote.ToString(), _config.Name, SenderState.Connected, now);
        }

        Tell(EventKind.SenderApproved, EventLevel.Info, $"{result.Key?.ToString() ?? "a sender without a key"} from {result.Address} was approved");
        Changed();
        return result;
    }

    /// <summary>Sends a waiting sender away.</summary>
    /// <exception cref="RequestException">It does not wait any more.</exception>
    public SenderStatus Deny(SenderStatus sender)
    {
        ReceiverConnection connection;
        lock (_gate)
        {
            connection = FindWaiting(sender);
            _approvals.Leave(connection);
        }

        Turn(connection, new Denial(DenialCode.Denied, "the receiver's user denied it"));
        return sender;
    }

    /// <summary>Forgets an approval and ends the connection.</summary>
    /// <exception cref="RequestException">The key cannot be removed from the store.</exception>
    public SenderStatus Revoke(SenderStatus sender)
    {
        lock (_gate)
        {
            if (sender.Key is { } key && _approvals.Remembered.Any(s => s.Key == key))
            {
                var keys = _approvals.Without(key);
                _keys.Save(keys);
                _approvals.Remember(keys);
            }

            if (_approvals.Active is { } active && active.Key == sender.Key && (sender.Key is not null || active.Remote.ToString() == sender.Address))
            {
                active.SayGoodbye(new Denial(DenialCode.Revoked, "the receiver's user revoked its approval"));
                _letIn = null;
                _lastHeard = active.Liveness.Heard;
                if (_approvals.Leave(active) is { } next)
                {
                    LetIn(next, replaced: null);
                }

                _loop.Wake();
            }
        }

        Tell(EventKind.SenderDenied, EventLevel.Info, $"{sender.Key?.ToString() ?? "the sender without a key"} from {sender.Address} was revoked");
        Changed();
        return sender;
    }

    /// <summary>The senders are others than before, or stand otherwise: those who wait are told what for, and watchers are told.</summary>
    private void Changed()
    {
        List<ReceiverConnection> untold;
        lock (_gate)
        {
            var reason = _approvals.Active is null ? WaitingReason.Decision : WaitingReason.Taken;
            untold = [.. _approvals.Waiting.Select(w => w.Applicant).Where(a => a.WaitsFor(reason))];
        }

        // One that does not read must not hold up who decides.
        untold.ForEach(sender => ThreadPool.UnsafeQueueUserWorkItem(s => s.TellWhy(), sender, preferLocal: false));
        _changed();
    }

    private ReceiverConnection FindWaiting(SenderStatus sender) =>
        _approvals.Waiting.Select(w => w.Applicant).FirstOrDefault(a => a.Key == sender.Key && a.Remote.ToString() == sender.Address && !a.HasEnded)
        ?? throw new RequestException(Fault.SenderNotPending, "it does not wait any more");

    private void Turn(ReceiverConnection connection, Denial denial)
    {
        connection.Deny(denial);
        Changed();
    }
}
