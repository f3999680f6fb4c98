// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tunnel;

/// <summary>What to do about the address in use.</summary>
internal enum TrialStep
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Have the other end say something.</summary>
    Ask,

    /// <summary>Look the name up again: it has no other address yet.</summary>
    LookUp,

    /// <summary>Try the next address.</summary>
    Leave,
}

/// <summary>
/// Judges the address of a server that may have several: left at once when the kernel cannot send there, and after some
/// seconds when something was sent and nothing comes back. Pure; asked once a second.
/// </summary>
internal sealed class AddressTrial
{
    /// <summary>Silence after which an address is left. An answer on the slowest of links takes less.</summary>
    internal const long Patience = 3000;

    // Silence after which the other end is asked whether it is there, so that its answer comes in time.
    private const long QuietPatience = 500;

    // With every round that finds no address the next takes longer: a server that is away, or that never says anything,
    // is not called from ever changing addresses.
    private const long MostPatience = 30_000;

    private long _patience = Patience;
    private long _since;
    private long _heard;
    private long _failures;

    /// <summary>Addresses that were left since the server was heard last.</summary>
    public int Tries { get; private set; }

    /// <summary>Whether the last address was left because the kernel could not send there.</summary>
    public bool IsRefused { get; private set; }

    /// <summary>Judges.</summary>
    /// <param name="now">Milliseconds of the monotonic clock.</param>
    /// <param name="heard">When something came last; 0 for never.</param>
    /// <param name="unanswered">Since when something was sent and nothing came; 0 if nothing was sent.</param>
    /// <param name="failures">Datagrams that the kernel could not send, so far.</param>
    /// <param name="addresses">How many the name has.</param>
    public TrialStep Look(long now, long heard, long unanswered, long failures, int addresses)
    {
        var isRefused = failures != _failures && heard == _heard;
        _failures = failures;
        if (heard != _heard)
        {
            _heard = heard;
            _patience = Patience;
            Tries = 0;
        }

        if (unanswered == 0 && !isRefused)
        {
            return TrialStep.None;
        }

        var silence = now - Math.Max(unanswered, _since);
        if (isRefused || silence >= _patience)
        {
            return addresses < 2 ? (isRefused ? TrialStep.LookUp : TrialStep.None) : Leave(now, isRefused, addresses);
        }

        return addresses > 1 && silence >= QuietPatience ? TrialStep.Ask : TrialStep.None;
    }

    private TrialStep Leave(long now, bool isRefused, int addresses)
    {
        Tries++;
        IsRefused = isRefused;
        _since = now;
        if (Tries % addresses == 0)
        {
            _patience = Math.Min(_patience * 2, MostPatience);
        }

        return TrialStep.Leave;
    }
}
