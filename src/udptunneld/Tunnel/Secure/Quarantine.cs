// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Linux;
using UdpTunnel.WireGuard;

namespace UdpTunnel.Tunnel.Secure;

/// <summary>
/// Peers whose key nobody knows, and that wait for a person. A place is taken by an initiation that has shown its key
/// and, by a cookie, its address; whoever does not complete the handshake loses it soon. Nothing of theirs passes: they
/// have no networks.
/// </summary>
/// <remarks>
/// Places are bounded, in all and for each network that counts as one stranger, and end by time. Nobody is pushed out.
/// For the tunnel's worker, but for what says that any thread may ask it.
/// </remarks>
internal sealed class Quarantine
{
    /// <summary>Places.</summary>
    public const int Most = 64;

    /// <summary>Of these, of one address or /64.</summary>
    public const int MostPerNetwork = 4;

    /// <summary>Of these, of one /24 or /48.</summary>
    public const int MostPerWideNetwork = 16;

    /// <summary>How long a person has time to decide, in milliseconds.</summary>
    public const long WaitingTime = 600_000;

    /// <summary>
    /// How long a handshake may take, in milliseconds: a peer uses a session as soon as the response has arrived.
    /// </summary>
    public const long HandshakeTime = 2 * Protocol.RekeyTimeout;

    /// <summary>How long a key that was denied gets no answer, in milliseconds.</summary>
    public const long DeniedTime = 3_600_000;

    // Each is a person's decision, so that nobody else fills it.
    private const int MostDenied = 256;

    private readonly Dictionary<PublicKey, SecurePeer> _held = [];
    private readonly Dictionary<PublicKey, long> _denied = [];
    private SecurePeer[] _waiting = [];
    private int _count;
    private long _refused;

    /// <summary>Those that have completed a handshake, in the order in which they came. For any thread.</summary>
    public IReadOnlyList<SecurePeer> Waiting => Volatile.Read(ref _waiting);

    /// <summary>Whether there is nobody, also nobody who shakes hands. For any thread.</summary>
    public bool IsEmpty => Volatile.Read(ref _count) == 0;

    /// <summary>How many found no place. For any thread.</summary>
    public long Refused => Volatile.Read(ref _refused);

    /// <summary>Whether a stranger may have a place; if it is only because there is none, that is counted.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="source">Where it is.</param>
    /// <param name="now">Milliseconds of the protocol's clock.</param>
    public bool HasPlace(PublicKey key, in Endpoint source, long now)
    {
        if (_denied.TryGetValue(key, out var until) && now < until)
        {
            return false;
        }

        var network = SourceNetwork.Of(source);
        var isFree =
            _held.Count < Most
            && _held.Values.Count(p => p.Stay!.Network.Narrow == network.Narrow) < MostPerNetwork
            && _held.Values.Count(p => p.Stay!.Network.Wide == network.Wide) < MostPerWideNetwork;
        _refused += isFree ? 0 : 1;
        return isFree;
    }

    /// <summary>Gives a peer the place that <see cref="HasPlace"/> has found.</summary>
    public void Enter(SecurePeer peer, in Endpoint source, long now)
    {
        peer.Stay = new Stay(SourceNetwork.Of(source), now);
        _held.Add(peer.Config.PublicKey, peer);
        Volatile.Write(ref _count, _held.Count);
    }

    /// <summary>A peer has shown that it has the session: it waits for a person from now on.</summary>
    public void OnHandshakeCompleted(SecurePeer peer)
    {
        if (peer.Stay is { IsProved: false } stay)
        {
            stay.IsProved = true;
            Publish();
        }
    }

    /// <summary>Takes a peer out, whatever becomes of it.</summary>
    /// <returns>Null if there is none with this key.</returns>
    public SecurePeer? Take(PublicKey key)
    {
        if (_held.Remove(key, out var peer))
        {
            Volatile.Write(ref _count, _held.Count);
            Publish();
            peer.Stay = null;
        }

        return peer;
    }

    /// <summary>Has a key get no answer for an hour.</summary>
    public void Deny(PublicKey key, long now)
    {
        foreach (var (other, _) in _denied.Where(d => d.Value <= now).ToList())
        {
            _denied.Remove(other);
        }

        if (_denied.Count >= MostDenied)
        {
            _denied.Remove(_denied.MinBy(d => d.Value).Key);
        }

        _denied[key] = now + DeniedTime;
    }

    /// <summary>Forgets that a key was denied.</summary>
    public void Allow(PublicKey key) => _denied.Remove(key);

    /// <summary>The keys of those whose time is over.</summary>
    public IReadOnlyList<PublicKey> Overdue(long now) =>
        [
            .. _held
                .Where(p => now - p.Value.Stay!.Since >= (p.Value.Stay.IsProved ? WaitingTime : HandshakeTime))
                .Select(p => p.Key),
        ];

    /// <summary>The keys of all.</summary>
    public IReadOnlyList<PublicKey> All => [.. _held.Keys];

    private void Publish() =>
        Volatile.Write(ref _waiting, [.. _held.Values.Where(p => p.Stay!.IsProved).OrderBy(p => p.Stay!.Since)]);
}

/// <summary>What is known of a peer that waits for a person.</summary>
/// <param name="network">Where it came from.</param>
/// <param name="since">When, in milliseconds of the protocol's clock.</param>
internal sealed class Stay(SourceNetwork network, long since)
{
    /// <summary>Where it came from.</summary>
    public SourceNetwork Network => network;

    /// <summary>When it came, in milliseconds of the protocol's clock.</summary>
    public long Since => since;

    /// <summary>Whether it has completed a handshake.</summary>
    public bool IsProved { get; set; }
}
