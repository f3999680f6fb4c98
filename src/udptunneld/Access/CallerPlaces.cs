// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Access;

/// <summary>
/// Places of one kind (connections, calls, streams, bytes) that callers take and give back: bounded for each user and
/// in all, with some kept for those who may operate, and some for root and the daemon's user. So nobody locks out
/// anybody who may do more.
/// </summary>
/// <param name="all">Places of all callers together.</param>
/// <param name="perUser">Those of one user other than root and the daemon's.</param>
internal sealed class CallerPlaces(long all, long perUser)
{
    private readonly Lock _gate = new();

    // Only users who hold something.
    private readonly Dictionary<uint, long> _users = [];

    // What callers of each rank and of lower ones hold.
    private readonly long[] _held = new long[Enum.GetValues<CallerRank>().Length];

    /// <summary>Places that are taken.</summary>
    public long Taken
    {
        get
        {
            lock (_gate)
            {
                return _held[^1];
            }
        }
    }

    /// <summary>Takes places.</summary>
    /// <param name="who">The caller.</param>
    /// <param name="count">How many.</param>
    /// <returns>Whether there was room; else nothing was taken.</returns>
    public bool TryTake(RankedCaller who, long count = 1)
    {
        lock (_gate)
        {
            var held = _users.GetValueOrDefault(who.User);
            if (who.Rank != CallerRank.Daemon && held + count > perUser)
            {
                return false;
            }

            for (var rank = who.Rank; rank <= CallerRank.Daemon; rank++)
            {
                if (_held[(int)rank] + count > Bound(rank))
                {
                    return false;
                }
            }

            Change(who, held + count, count);
            return true;
        }
    }

    /// <summary>Gives places back.</summary>
    public void GiveBack(RankedCaller who, long count = 1)
    {
        lock (_gate)
        {
            Change(who, _users[who.User] - count, -count);
        }
    }

    /// <summary>
    /// A quarter of all is root's and the daemon's user's alone, and a quarter more is also the operators'.
    /// </summary>
    private long Bound(CallerRank rank) =>
        rank switch
        {
            CallerRank.Other => all / 2,
            CallerRank.Operator => all - (all / 4),
            _ => all,
        };

    private void Change(RankedCaller who, long held, long by)
    {
        if (held == 0)
        {
            _users.Remove(who.User);
        }
        else
        {
            _users[who.User] = held;
        }

        for (var rank = who.Rank; rank <= CallerRank.Daemon; rank++)
        {
            _held[(int)rank] += by;
        }
    }
}

/// <summary>For whom places are kept: each rank is kept some from those below.</summary>
internal enum CallerRank
{
    /// <summary>May look at the most.</summary>
    Other,

    /// <summary>May operate.</summary>
    Operator,

    /// <summary>Root, or the user that the daemon runs as.</summary>
    Daemon,
}

/// <summary>A user and its rank.</summary>
internal readonly record struct RankedCaller(uint User, CallerRank Rank);
