// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Linux;
using UdpTunnel.WireGuard;

namespace UdpTunnel.Tunnel.Secure;

/// <summary>
/// What becomes of peers of a tunnel that the file does not name: each gets a place in the <see cref="Quarantine"/>
/// where a person is to be asked, until somebody decides or its time is over. For the thread that looks after the
/// tunnel; what touches the protocol is done on the worker.
/// </summary>
/// <param name="transport">The protocol, and the quarantine.</param>
/// <param name="tunnel">Name of the tunnel.</param>
/// <param name="events">Where to tell.</param>
/// <param name="limits">Where to tell that there are too many.</param>
/// <param name="onWorker">Has the worker do something, and waits for it.</param>
internal sealed class Strangers(
    SecureTransport transport,
    string tunnel,
    EventLog events,
    LimitReport limits,
    Action<Action> onWorker
)
{
    private Quarantine Quarantine => transport.Quarantine;

    /// <summary>Those that wait for a person, in the order in which they came. For any thread.</summary>
    public IEnumerable<SecurePeer> Waiting => Quarantine.Waiting;

    /// <summary>Says whether a person is asked about strangers from now on.</summary>
    public void Set(UnknownPeers rule) =>
        onWorker(() =>
        {
            transport.Engine.UnknownPeer = rule == UnknownPeers.Ask ? Receive : null;
            if (rule == UnknownPeers.Ignore)
            {
                Dismiss(Quarantine.All);
            }
        });

    /// <summary>Ends what there is of a stranger, and gives its key no answer for an hour.</summary>
    public void Deny(PublicKey key) =>
        onWorker(() =>
        {
            Dismiss([key]);
            Quarantine.Deny(key, transport.Now);
        });

    /// <summary>
    /// Somebody becomes a peer: it leaves the quarantine with its session, and may come again if it was denied. On the
    /// worker.
    /// </summary>
    /// <returns>It; null if it is not there.</returns>
    public SecurePeer? Release(PublicKey key)
    {
        Quarantine.Allow(key);
        return Quarantine.Take(key);
    }

    /// <summary>Forgets those about whom nobody has decided in time, and tells how many found no place.</summary>
    public void EndStays()
    {
        if (!Quarantine.IsEmpty)
        {
            onWorker(() => Dismiss(Quarantine.Overdue(transport.Now)));
        }

        if (Quarantine.Refused is > 0 and var refused)
        {
            limits.Look(
                Limit.PendingPeers,
                refused,
                $"{Quarantine.Most} peers wait for approval, or {Quarantine.MostPerNetwork} of one address, "
                    + "which is the most: others get no answer"
            );
        }
    }

    /// <summary>Tells of one that waits for a person, once.</summary>
    public void Report(PeerNews news)
    {
        if (news is { What: PeerEvent.HandshakeCompleted, Peer.IsReported: false })
        {
            var key = news.Peer.Config.PublicKey;
            news.Peer.IsReported = true;
            events.Add(
                EventKind.PeerPending,
                EventLevel.Warning,
                tunnel,
                $"a peer with the key {key} at {news.Endpoint} waits for approval: "
                    + $"udptunnelctl approve {key.ToShortText()}",
                PeerFacts.Of(news)
            );
        }
    }

    /// <summary>A stranger has shown its key: gives it a place, if there is one. On the worker.</summary>
    private WireGuard.Peer? Receive(PublicKey key, Endpoint source)
    {
        var now = transport.Now;
        if (
            !Quarantine.HasPlace(key, source, now)
            || transport.Engine.AddPeer(key, default, out var wire) != PeerRefusal.None
        )
        {
            return null;
        }

        Quarantine.Enter(SecurePeer.Of(key, wire!), source, now);
        return wire;
    }

    /// <summary>Takes strangers out of the quarantine, and forgets them. On the worker.</summary>
    private void Dismiss(IEnumerable<PublicKey> keys)
    {
        foreach (var key in keys)
        {
            if (Quarantine.Take(key) is { } peer)
            {
                transport.Engine.RemovePeer(peer.Wire);
            }
        }
    }
}
