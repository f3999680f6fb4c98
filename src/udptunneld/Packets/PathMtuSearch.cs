// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Packets;

/// <summary>
/// Finds the longest packet that a path carries in one piece, and notices when that changes (Datagram Packetization
/// Layer Path MTU Discovery, RFC 8899). Pure: the time and answers go in, lengths of probes come out.
/// <para>
/// Probes go in rounds: several lengths at once, the longest first, and a short one last that any path carries. An
/// answer says that a length passes. What is not answered though something shorter was is too long; where nothing is
/// answered nothing is learned. So a length is known after a few round trips, and needs no router that says anything.
/// </para>
/// <code>
///   first round       ceiling, floor + 1, short      ceiling passes: known; floor + 1 does not: known
///   narrowing         8 between what passes and what does not, short, until they are neighbours
///   known             every 5 s while long packets are sent: the known length, short; three failures: narrow again
///                     after 10, 20, 40 … 600 s: ceiling, known + 1 as well; one passes: narrow between them
/// </code>
/// </summary>
/// <remarks>
/// RFC 8899 tries one length three times before it takes it for too long. Here one loss is enough while searching, as
/// the next look at longer ones (PMTU_RAISE_TIMER) comes soon; a length that has passed is given up after three
/// (MAX_PROBES).
/// </remarks>
/// <param name="floor">Length that is taken for granted: no probe and no forged error goes below it.</param>
/// <param name="ceiling">Length of interest at most.</param>
internal sealed class PathMtuSearch(int floor, int ceiling)
{
    /// <summary>Most probes of a round.</summary>
    public const int MaxProbes = 10;

    /// <summary>Milliseconds for which a round waits for a first answer (PROBE_TIMER).</summary>
    public const long Patience = 1000;

    /// <summary>
    /// Milliseconds after an answer for which those to longer ones may come late: probes leave in the order of their
    /// lengths, but a network may change it.
    /// </summary>
    public const long Grace = 100;

    /// <summary>Milliseconds after which a known length is confirmed (CONFIRMATION_TIMER).</summary>
    public const long Confirmation = 5000;

    /// <summary>Milliseconds after which longer ones are tried at first, and at most (PMTU_RAISE_TIMER).</summary>
    public const long FirstRaise = 10_000;

    /// <inheritdoc cref="FirstRaise"/>
    public const long LastRaise = 600_000;

    private const long MostSilence = 60_000;
    private const long StrikeMilliseconds = 500;
    private const int MostStrikes = 3;
    private const int EagerSilences = 3;

    // Lengths of the round, the longest first and 0 last; bits of those that were answered, and that never left.
    private readonly int[] _sizes = new int[MaxProbes];
    private int _count;
    private uint _answered;
    private uint _refused;
    private long _deadline;

    private int _ceiling = ceiling;
    private bool _isKnown;
    private bool _isNarrowing;
    private int _found;
    private int _passes;
    private int _fails;
    private int _strikes;
    private int _silences;
    private long _raiseAt;
    private long _raiseWait = FirstRaise;

    /// <summary>The longest packet that passes; 0 if that is not known.</summary>
    public int Found => _isKnown ? _found : 0;

    /// <summary>Whether what passes is less than what is of interest.</summary>
    public bool IsLimited => _isKnown && _found < _ceiling;

    /// <summary>Whether a round is under way.</summary>
    public bool IsUnderway => _count > 0;

    /// <summary>Whether the last round was answered by nobody.</summary>
    public bool IsSilent => _silences > 0;

    /// <summary>When a round may begin because something is sent; for milliseconds of a monotonic clock.</summary>
    public long NextAt { get; private set; }

    /// <summary>
    /// When <see cref="End"/> or <see cref="Begin"/> is to be called, whether or not anything is sent;
    /// <see cref="long.MaxValue"/> for never.
    /// </summary>
    public long Due =>
        IsUnderway ? _deadline
        : (_isNarrowing || _strikes > 0) && _silences < EagerSilences ? NextAt
        : long.MaxValue;

    /// <summary>Takes another length of interest; what is longer than it is searched for anew.</summary>
    public void SetCeiling(int ceiling, long now)
    {
        if (ceiling == _ceiling)
        {
            return;
        }

        _isKnown &= _found < Math.Min(_ceiling, ceiling);
        _ceiling = ceiling;
        _isNarrowing = false;
        _count = 0;
        _raiseAt = now;
        NextAt = now;
    }

    /// <summary>Begins a round.</summary>
    /// <returns>
    /// Lengths of its probes, to be sent in this order; 0 stands for one as short as can be. Valid until the next call.
    /// </returns>
    public ReadOnlySpan<int> Begin(long now)
    {
        _count = 0;
        _answered = 0;
        _refused = 0;
        _deadline = now + Patience;
        if (_isNarrowing)
        {
            AddBetween();
        }
        else
        {
            if (!_isKnown || (now >= _raiseAt && _found < _ceiling))
            {
                Add(_ceiling);
                Add((_isKnown ? _found : floor) + 1);
            }

            Add(_isKnown ? _found : 0);
        }

        Add(0);
        return _sizes.AsSpan(0, _count);
    }

    /// <summary>A probe could not leave: it is longer than the network of this host carries.</summary>
    /// <param name="index">Which of the round.</param>
    public void OnRefused(int index) => _refused |= 1u << index;

    /// <summary>A probe was answered.</summary>
    /// <param name="index">Which of the round; any number is taken.</param>
    /// <param name="now">Milliseconds of a monotonic clock.</param>
    public void OnAnswer(int index, long now)
    {
        if ((uint)index >= (uint)_count)
        {
            return;
        }

        _answered |= 1u << index;
        _deadline = IsDecided() ? now : Math.Min(_deadline, now + Grace);
    }

    /// <summary>Ends the round.</summary>
    public void End(long now)
    {
        if (_answered == 0)
        {
            _silences++;
            NextAt = now + Math.Min(Patience << Math.Min(_silences, 10), MostSilence);
            _count = 0;
            return;
        }

        _silences = 0;
        NextAt = now;
        var best = _sizes[int.TrailingZeroCount((int)_answered)];
        if (_isNarrowing)
        {
            Narrow(best, now);
        }
        else if (!_isKnown || best > _found)
        {
            Open(best, now);
        }
        else if (best == _found)
        {
            Settle(_found, now);
        }
        else if (++_strikes < MostStrikes)
        {
            NextAt = now + StrikeMilliseconds;
        }
        else
        {
            // What passed does so no longer.
            _strikes = 0;
            _isNarrowing = true;
            _passes = floor;
            _fails = _found;
        }

        _count = 0;
    }

    /// <summary>Whether all that are longer than the longest that was answered never left.</summary>
    private bool IsDecided() => (((_answered & (~_answered + 1)) - 1) & ~_refused) == 0;

    /// <summary>The ends of the range were tried.</summary>
    private void Open(int best, long now)
    {
        if (best == _ceiling || best <= floor)
        {
            Settle(Math.Max(best, floor), now);
            return;
        }

        _isNarrowing = true;
        _passes = best;
        _fails = _ceiling;
    }

    private void Narrow(int best, long now)
    {
        _passes = Math.Max(_passes, best);
        for (var i = 0; i < _count; i++)
        {
            if (_sizes[i] > _passes)
            {
                _fails = Math.Min(_fails, _sizes[i]);
            }
        }

        if (_passes + 1 >= _fails)
        {
            Settle(_passes, now);
        }
    }

    private void Settle(int found, long now)
    {
        var isNew = !_isKnown || found != _found;
        _isKnown = true;
        _isNarrowing = false;
        _found = found;
        _strikes = 0;
        NextAt = now + Confirmation;
        if (isNew || now >= _raiseAt)
        {
            _raiseWait = isNew ? FirstRaise : Math.Min(2 * _raiseWait, LastRaise);
            _raiseAt = now + _raiseWait;
        }
    }

    private void AddBetween()
    {
        const int Parts = MaxProbes - 1;
        for (var i = Parts - 1; i > 0; i--)
        {
            var size = _passes + (int)((long)(_fails - _passes) * i / Parts);
            if (size > _passes + 1)
            {
                Add(size);
            }
        }

        // If this one fails, all is known at once.
        Add(_passes + 1);
    }

    private void Add(int size)
    {
        if (_count == 0 || _sizes[_count - 1] > size)
        {
            _sizes[_count++] = size;
        }
    }
}
