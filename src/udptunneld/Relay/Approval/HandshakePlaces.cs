// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Linux;
using UdpTunnel.Relay.Flows;

namespace UdpTunnel.Relay.Approval;

/// <summary>A connection whose peer has not proven a key yet.</summary>
internal interface IHandshake
{
    /// <summary>Where it comes from.</summary>
    SourceNetwork Network { get; }

    /// <summary>How many steps of the handshake are done.</summary>
    int Step { get; }

    /// <summary>When the last of them was, in milliseconds.</summary>
    long LastStep { get; }
}

/// <summary>
/// Which connections may shake hands: so many at a time and so many a second for each network and in all, counted
/// before anything is done for them. One that makes no progress gives way to a newer one. Networks from which an
/// approved sender came have places and a rate of their own. Pure; belongs to one thread.
/// </summary>
/// <remarks>
/// A handshake costs about a millisecond of a processor: the rates let strangers have a twentieth of one. A place is
/// given up for a newer connection of the same network where that has all of its places, so that nobody loses one to
/// strangers elsewhere while those hold more.
/// </remarks>
internal sealed class HandshakePlaces<T>
    where T : class, IHandshake
{
    /// <summary>Handshakes of strangers at a time.</summary>
    public const int Most = 64;

    /// <summary>Of these, from one address or /64.</summary>
    public const int MostPerNetwork = 4;

    /// <summary>Of these, from one /24 or /48.</summary>
    public const int MostPerWideNetwork = 16;

    /// <summary>Handshakes at a time from networks of approved senders.</summary>
    public const int MostOfFriends = 32;

    /// <summary>Of these, from one address or /64.</summary>
    public const int MostPerFriend = 16;

    /// <summary>
    /// How long a handshake may rest, in milliseconds, before it gives way: longer than a round trip to anywhere.
    /// </summary>
    public const long Grace = 1000;

    private const int BucketCount = 256;

    private readonly TokenBuckets _narrow = new(rate: 10, burst: 24, count: BucketCount);
    private readonly TokenBuckets _wide = new(rate: 20, burst: 64, count: BucketCount);
    private readonly TokenBuckets _all = new(rate: 50, burst: 128, count: 1);
    private readonly List<(T Handshake, bool IsFriend)> _held = [];

    /// <summary>How many shake hands.</summary>
    public int Count => _held.Count;

    /// <summary>A connection asks for a place.</summary>
    /// <param name="newcomer">The connection.</param>
    /// <param name="isFriend">Whether an approved sender has come from its network.</param>
    /// <param name="now">Milliseconds.</param>
    /// <param name="givesWay">An older connection, which has lost its place; or null.</param>
    /// <returns>False if there is none for it.</returns>
    public bool TryTake(T newcomer, bool isFriend, long now, out T? givesWay)
    {
        givesWay = null;
        var network = newcomer.Network;
        if (
            !_narrow.TryTake(network.Narrow, 0, now)
            || (!isFriend && !(_wide.TryTake(network.Wide, 0, now) && _all.TryTake(1, 0, now)))
        )
        {
            return false;
        }

        var pool = _held.FindAll(h => h.IsFriend == isFriend).ConvertAll(h => h.Handshake);
        var narrow = pool.FindAll(h => h.Network.Narrow == network.Narrow);
        var wide = pool.FindAll(h => h.Network.Wide == network.Wide);
        var full =
            narrow.Count >= (isFriend ? MostPerFriend : MostPerNetwork) ? narrow
            : !isFriend && wide.Count >= MostPerWideNetwork ? wide
            : pool.Count >= (isFriend ? MostOfFriends : Most) ? pool
            : null;
        if (full is not null)
        {
            givesWay = full.FindAll(h => now - h.LastStep >= Grace)
                .OrderBy(h => h.Step)
                .ThenBy(h => h.LastStep)
                .FirstOrDefault();
            if (givesWay is null)
            {
                return false;
            }

            Release(givesWay);
        }

        _held.Add((newcomer, isFriend));
        return true;
    }

    /// <summary>A connection needs its place no more.</summary>
    public void Release(T handshake) => _held.RemoveAll(h => ReferenceEquals(h.Handshake, handshake));
}
