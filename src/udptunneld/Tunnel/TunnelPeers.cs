// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Security.Cryptography;
using UdpTunnel.Config;
using UdpTunnel.Crypto;
using UdpTunnel.Events;
using UdpTunnel.Hosting;
using UdpTunnel.State;
using UdpTunnel.Tunnel.Secure;
using UdpTunnel.WireGuard;

namespace UdpTunnel.Tunnel;

/// <summary>
/// The peers of all secure tunnels of the daemon, and people's decisions about them: who is let in, invited, sent away
/// or taken out. What they decide is kept beside the tunnels' files. Any thread.
/// </summary>
/// <param name="tunnels">All tunnels.</param>
/// <param name="admitted">Where peers are kept that people have let in.</param>
/// <param name="events">Where to tell.</param>
/// <param name="time">The clock.</param>
/// <param name="setPeers">Gives a tunnel that runs other peers; returns it as it is then.</param>
internal sealed class TunnelPeers(
    HostTable<HostEntry<TunnelConfig, TunnelEngine>> tunnels,
    AdmittedPeers admitted,
    EventLog events,
    TimeProvider time,
    Func<HostEntry<TunnelConfig, TunnelEngine>, IEnumerable<PeerConfig>, HostEntry<TunnelConfig, TunnelEngine>> setPeers
)
{
    /// <summary>A fresh private key.</summary>
    public static SecretKey MakeKey()
    {
        Span<byte> bytes = stackalloc byte[SecretKey.Size];
        LocalIdentity.Generate(RandomSource.System, bytes);
        var made = SecretKey.FromBytes(bytes);
        CryptographicOperations.ZeroMemory(bytes);
        return made;
    }

    /// <summary>The peers of a tunnel, or of all, with those that wait for a person.</summary>
    /// <param name="tunnel">Empty for all.</param>
    /// <exception cref="RequestException">There is none of that name.</exception>
    public IReadOnlyList<PeerAt> Of(string tunnel) =>
        [
            .. tunnels
                .FindAll(tunnel.Length > 0 ? [tunnel] : [])
                .Where(entry => entry.Engine?.Secure is not null)
                .Select(entry => entry.Engine!.Status)
                .SelectMany(
                    status => status.PendingPeers.Concat(WithInvitations(status)),
                    (status, peer) => new PeerAt(status.Config.Name, peer)
                ),
        ];

    /// <summary>Lets a pending peer in, at each tunnel that is meant.</summary>
    /// <param name="choice">Whom the person means.</param>
    /// <param name="approval">As what.</param>
    /// <param name="once">For as long as its session lasts; else for good.</param>
    /// <param name="cancellationToken">Ends the wait for other changes.</param>
    /// <returns>The peers that they are now.</returns>
    /// <exception cref="RequestException">
    /// There is no such peer, it does not wait, it is not clear which, or it cannot be a peer.
    /// </exception>
    public async Task<IReadOnlyList<PeerAt>> ApproveAsync(
        Choice choice,
        PeerApproval approval,
        bool once,
        CancellationToken cancellationToken
    )
    {
        using var gate = await tunnels.EnterAsync(cancellationToken);
        var found = FindPending(choice, p => $"it is a peer of {p.Place} already");
        return [.. found.Select(p => Approve(p, approval, once))];
    }

    /// <summary>Sends a pending peer away, at each tunnel that is meant: it gets no answer for an hour.</summary>
    /// <exception cref="RequestException">
    /// There is no such peer, it does not wait, or it is not clear which.
    /// </exception>
    public async Task<IReadOnlyList<PeerAt>> DenyAsync(Choice choice, CancellationToken cancellationToken)
    {
        using var gate = await tunnels.EnterAsync(cancellationToken);
        var found = FindPending(choice, p => $"it is a peer of {p.Place}; `udptunnelctl revoke` takes that back");
        foreach (var peer in found)
        {
            tunnels.Find(peer.Place).Engine?.Secure?.Deny(KeyOf(peer));
            events.Add(
                EventKind.PeerDenied,
                EventLevel.Info,
                peer.Place,
                $"{Describe(peer)} was denied",
                PeerFacts.Of(peer)
            );
        }

        return found;
    }

    /// <summary>
    /// Takes a peer out of every tunnel, or of one, and ends its sessions. It gets no answer for an hour.
    /// </summary>
    /// <returns>As they were.</returns>
    /// <exception cref="RequestException">There is no such peer, or it only waits.</exception>
    public async Task<IReadOnlyList<PeerAt>> RevokeAsync(Choice choice, CancellationToken cancellationToken)
    {
        using var gate = await tunnels.EnterAsync(cancellationToken);
        var found = Selector.OneKey(
            PeerAdmission.Words,
            choice with
            {
                All = true,
            },
            Of(""),
            p => p.Status.State != PeerState.Pending,
            p => $"{p.Status.Name} was not approved: `udptunnelctl deny` sends it away"
        );
        foreach (var peer in found)
        {
            var note = Remove(tunnels.Find(peer.Place), KeyOf(peer));
            events.Add(
                EventKind.PeerRemoved,
                EventLevel.Info,
                peer.Place,
                $"{Describe(peer)} was revoked{note}",
                PeerFacts.Of(peer)
            );
        }

        return found;
    }

    /// <summary>Makes a peer with a key of its own, which is taken out again if it does not come in time.</summary>
    /// <param name="tunnel">Name of the tunnel.</param>
    /// <param name="approval">As what.</param>
    /// <param name="valid">How long it may take.</param>
    /// <param name="endpoint">Where the peer finds this end; empty for an address of this host.</param>
    /// <param name="cancellationToken">Ends the wait for other changes.</param>
    /// <exception cref="RequestException">
    /// There is no such tunnel, it is not a secure one, it cannot have such a peer, or no endpoint is known.
    /// </exception>
    public async Task<Invitation> InviteAsync(
        string tunnel,
        PeerApproval approval,
        TimeSpan valid,
        string endpoint,
        CancellationToken cancellationToken
    )
    {
        using var gate = await tunnels.EnterAsync(cancellationToken);
        var entry = tunnels.Find(tunnel);
        if (entry.Engine is not { Secure: { } secure } engine)
        {
            throw new RequestException(Fault.InvalidRequest, $"{tunnel} is not a secure tunnel that runs");
        }

        var (own, isPrivate) = OwnEndpoint.Of(endpoint, engine.Status);
        var secret = MakeKey();
        var peer = PeerAdmission.Admit(entry.Config, X25519PrivateKey.PublicKeyOf(secret), approval, []);
        Admit(entry, new AdmittedPeer(peer, time.GetUtcNow() + valid));
        events.Add(
            EventKind.PeerInvited,
            EventLevel.Info,
            tunnel,
            $"the peer {peer.DisplayName} was invited with {string.Join(", ", peer.AllowedIPs)}",
            PeerFacts.Of(peer)
        );
        return new Invitation(Now(tunnel, peer.PublicKey), secret, own, isPrivate, entry.Config, secure.Key);
    }

    /// <summary>Sends an echo request to a peer inside its tunnel, and waits for the answer.</summary>
    /// <param name="tunnel">Only a peer of this tunnel; empty for any.</param>
    /// <param name="peer">Whom the person means; empty for the tunnel's only peer.</param>
    /// <param name="address">The inner address; null for the peer's.</param>
    /// <param name="timeout">How long it waits.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="RequestException">There is no such peer, or no address that can be asked.</exception>
    public async Task<(PeerAt Peer, IPAddress Address, EchoResult Result)> PingAsync(
        string tunnel,
        string peer,
        IPAddress? address,
        TimeSpan timeout,
        CancellationToken cancellationToken
    )
    {
        var all = Of(tunnel).Where(p => p.Status.State != PeerState.Pending).ToList();
        var found =
            peer.Length > 0 ? Selector.OneKey(PeerAdmission.Words, new Choice(peer, tunnel), all, _ => true, _ => "")[0]
            : all.Count == 1 ? all[0]
            : throw new RequestException(
                Fault.AmbiguousPeer,
                $"{Excerpt.Quote(tunnel)} has {all.Count} peers: say which one"
            );
        var entry = tunnels.Find(found.Place);
        var target = address
            ?? PeerAdmission.AddressOf(found.Status)
            ?? throw new RequestException(Fault.InvalidRequest, $"{found.Status.Name} has no inner address: say one");
        var source = entry.Config.TunnelAddresses.FirstOrDefault(a => a.Address.AddressFamily == target.AddressFamily)
            ?? throw new RequestException(
                Fault.InvalidRequest,
                $"{found.Place} has no address of the family of {target}"
            );
        var engine = entry.Engine
            ?? throw new RequestException(Fault.InvalidRequest, $"tunnel '{found.Place}' does not run");
        return (found, target, await engine.PingAsync(source.Address, target, timeout, cancellationToken));
    }

    /// <summary>A configuration with the peers that were let in beside it, where they have a place in it.</summary>
    /// <exception cref="RequestException">They cannot be read.</exception>
    public TunnelConfig WithAdmitted(TunnelConfig config)
    {
        if (config.Protocol == TunnelProtocol.Classic)
        {
            return config;
        }

        var beside = StateWriting.Try(() => admitted.Of(config.Name));
        var keys = config.Peers.Select(peer => peer.PublicKey).ToHashSet();
        var names = config.Peers.Select(peer => peer.Name).OfType<string>().ToHashSet(StringComparer.Ordinal);
        var networks = config.Peers.SelectMany(peer => peer.AllowedIPs).ToHashSet();
        var extra = beside
            .Select(a => a.Peer)
            .Where(peer => !keys.Contains(peer.PublicKey))
            .Select(peer =>
                peer with
                {
                    Name = peer.Name is { } name && names.Contains(name) ? null : peer.Name,
                    AllowedIPs = [.. peer.AllowedIPs.Where(network => !networks.Contains(network))],
                }
            )
            .ToList();
        return extra.Count == 0 ? config : config with { Peers = [.. config.Peers, .. extra] };
    }

    /// <summary>A tunnel's peers, those that were invited with the end of that.</summary>
    public IReadOnlyList<PeerStatus> WithInvitations(TunnelStatus status)
    {
        if (status.Config.Protocol == TunnelProtocol.Classic)
        {
            return status.Peers;
        }

        var invited = admitted
            .Of(status.Config.Name)
            .Where(p => p.Until is not null)
            .ToDictionary(p => p.Peer.PublicKey.ToString(), p => p.Until);
        return invited.Count == 0
            ? status.Peers
            : [.. status.Peers.Select(p => p with { InvitedUntil = invited.GetValueOrDefault(p.PublicKey) })];
    }

    /// <summary>
    /// A tunnel has been given other peers: of those that were let in only these are left, with the networks that they
    /// have now. Only for who has entered the table.
    /// </summary>
    /// <exception cref="RequestException">The disk refuses.</exception>
    public void KeepThoseOf(HostEntry<TunnelConfig, TunnelEngine> entry, ValueList<PeerConfig> peers)
    {
        var before = admitted.Of(entry.Name);
        var kept = before
            .Select(a => (Before: a, Now: peers.FirstOrDefault(peer => peer.PublicKey == a.Peer.PublicKey)))
            .Where(a => a.Now is not null)
            .Select(a => a.Before with { Peer = a.Before.Peer with { AllowedIPs = a.Now!.AllowedIPs } })
            .ToList();
        if (!kept.SequenceEqual(before))
        {
            Keep(entry, _ => kept);
        }
    }

    /// <summary>
    /// An invitation ends when it was used, or when its time is over: then the peer goes. Only for who has entered the
    /// table.
    /// </summary>
    public void EndInvitations(HostEntry<TunnelConfig, TunnelEngine> entry)
    {
        if (entry.Engine?.Secure is not { } secure)
        {
            return;
        }

        var now = time.GetUtcNow();
        foreach (var invited in admitted.Of(entry.Name).Where(p => p.Until is not null).ToList())
        {
            var key = invited.Peer.PublicKey;
            if (secure.HasCompletedHandshake(key))
            {
                Keep(entry, peers => [.. peers.Select(p => p.Peer.PublicKey == key ? p with { Until = null } : p)]);
                events.Add(
                    EventKind.PeerApproved,
                    EventLevel.Info,
                    entry.Name,
                    $"the peer {invited.Peer.DisplayName} has used its invitation",
                    PeerFacts.Of(invited.Peer)
                );
            }
            else if (invited.Until <= now)
            {
                Remove(tunnels.Find(entry.Name), key);
                events.Add(
                    EventKind.PeerRemoved,
                    EventLevel.Info,
                    entry.Name,
                    $"the invitation of the peer {invited.Peer.DisplayName} was not used in time",
                    PeerFacts.Of(invited.Peer)
                );
            }
        }
    }

    private static PublicKey KeyOf(PeerAt peer)
    {
        _ = PublicKey.TryParse(peer.Status.PublicKey, out var key);
        return key;
    }

    private static string Describe(PeerAt peer) => $"the peer {peer.Status.Name} ({peer.Status.PublicKey})";

    /// <param name="choice">Whom the person means.</param>
    /// <param name="whatItIs">What to say of one that does not wait.</param>
    private IReadOnlyList<PeerAt> FindPending(Choice choice, Func<PeerAt, string> whatItIs) =>
        Selector.OneKey(
            PeerAdmission.Words,
            choice,
            Of(""),
            p => p.Status.State == PeerState.Pending,
            p => $"{p.Status.Name} does not wait: {whatItIs(p)}"
        );

    private PeerAt Now(string tunnel, PublicKey key)
    {
        var text = key.ToString();
        return Of(tunnel).First(p => p.Status.State != PeerState.Pending && p.Status.PublicKey == text);
    }

    private PeerAt Approve(PeerAt pending, PeerApproval approval, bool once)
    {
        var entry = tunnels.Find(pending.Place);
        var used = pending.Status.UsedAddresses.Select(IPAddress.Parse).ToList();
        var peer = PeerAdmission.Admit(entry.Config, KeyOf(pending), approval, used);
        if (once)
        {
            entry.Engine!.Secure!.AdmitGuest(peer);
        }
        else
        {
            Admit(entry, new AdmittedPeer(peer));
        }

        events.Add(
            EventKind.PeerApproved,
            EventLevel.Info,
            entry.Name,
            $"the peer {peer.DisplayName} ({peer.PublicKey}) at {pending.Address} was approved"
                + $"{(once ? " once" : "")} with {string.Join(", ", peer.AllowedIPs)}",
            PeerFacts.Of(peer) with
            {
                Endpoint = $"{pending.Address}",
            }
        );
        var now = Now(entry.Name, peer.PublicKey);
        return now with { Status = now.Status with { UsedAddresses = pending.Status.UsedAddresses } };
    }

    /// <summary>Enters a peer, and keeps it beside the file; both or neither.</summary>
    private void Admit(HostEntry<TunnelConfig, TunnelEngine> entry, AdmittedPeer newcomer)
    {
        var changed = setPeers(entry, [.. entry.Config.Peers, newcomer.Peer]);
        try
        {
            Keep(entry, peers => [.. peers.Where(p => p.Peer.PublicKey != newcomer.Peer.PublicKey), newcomer]);
        }
        catch (RequestException)
        {
            setPeers(changed, entry.Config.Peers);
            throw;
        }
    }

    /// <summary>Takes a peer out.</summary>
    /// <returns>What to say if its file still names it.</returns>
    private string Remove(HostEntry<TunnelConfig, TunnelEngine> entry, PublicKey key)
    {
        var wasAdmitted = admitted.Of(entry.Name).Any(p => p.Peer.PublicKey == key);
        Keep(entry, peers => [.. peers.Where(p => p.Peer.PublicKey != key)]);
        var peers = entry.Config.Peers.Where(peer => peer.PublicKey != key).ToList();
        if (peers.Count < entry.Config.Peers.Count)
        {
            setPeers(entry, peers);
        }

        entry.Engine?.Secure?.Deny(key);
        return wasAdmitted ? "" : entry.FileNote;
    }

    private void Keep(
        HostEntry<TunnelConfig, TunnelEngine> entry,
        Func<IReadOnlyList<AdmittedPeer>, IReadOnlyList<AdmittedPeer>> change
    )
    {
        try
        {
            StateWriting.Try(() => admitted.Save(entry.Name, change(admitted.Of(entry.Name))));
        }
        catch (RequestException) when (entry.IsEphemeral)
        {
            // It does without a disk; the approval lives as long as it.
        }
    }
}
