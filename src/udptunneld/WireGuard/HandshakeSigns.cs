// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.WireGuard;

/// <summary>
/// What handshakes show of how a peer's end is set up. The protocol says nothing of it, so each is a sign and no proof.
/// Written by one thread, read by any.
/// </summary>
internal sealed class HandshakeSigns
{
    /// <summary>Stands for a clock that no handshake has shown.</summary>
    public const long Unknown = long.MinValue;

    private long _answered;
    private long _unverified;
    private long _staleBy;
    private long _clockAhead = Unknown;

    /// <summary>
    /// Initiations of the peer that were answered since a handshake was last completed. Several: the responses do not
    /// arrive, or do not verify there.
    /// </summary>
    public long Answered => Volatile.Read(ref _answered);

    /// <summary>
    /// Responses of the peer that did not verify since a handshake was last completed. A peer that read our initiation
    /// has the right keys; what else goes into a response is the preshared key.
    /// </summary>
    public long Unverified => Volatile.Read(ref _unverified);

    /// <summary>
    /// Milliseconds by which an initiation since the last completed handshake was earlier than one before, at most; 0
    /// if none was.
    /// </summary>
    public long StaleBy => Volatile.Read(ref _staleBy);

    /// <summary>
    /// Milliseconds by which the clock of the peer was ahead of this host's at its last initiation; less than 0 if it
    /// was behind, <see cref="Unknown"/> if there was none.
    /// </summary>
    public long ClockAhead => Volatile.Read(ref _clockAhead);

    internal void OnAnswered(Tai64n timestamp, Tai64n wall)
    {
        Volatile.Write(ref _answered, _answered + 1);
        Volatile.Write(ref _clockAhead, timestamp.MillisecondsAfter(wall));
    }

    internal void OnUnverified() => Volatile.Write(ref _unverified, _unverified + 1);

    internal void OnStale(Tai64n timestamp, Tai64n latest) =>
        Volatile.Write(ref _staleBy, Math.Max(_staleBy, latest.MillisecondsAfter(timestamp)));

    internal void OnCompleted()
    {
        Volatile.Write(ref _answered, 0);
        Volatile.Write(ref _unverified, 0);
        Volatile.Write(ref _staleBy, 0);
    }
}
