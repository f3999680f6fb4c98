// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.WireGuard;

/// <summary>Why a packet or datagram of a secure tunnel goes no further.</summary>
internal enum WireGuardDrop : byte
{
    /// <summary>It goes on.</summary>
    None,

    /// <summary>A datagram that is no message, or an inner packet whose header contradicts it.</summary>
    Malformed,

    /// <summary>A handshake message for another public key than ours.</summary>
    WrongMac1,

    /// <summary>A handshake message without a cookie while there is load; it was answered with one.</summary>
    UnderLoad,

    /// <summary>A handshake message with a cookie, but too many have come from its address, or in all.</summary>
    RateLimited,

    /// <summary>An initiation by a key that is no peer's.</summary>
    UnknownPeer,

    /// <summary>
    /// What it claims is not what its sender can know: forged, damaged, or the preshared keys differ.
    /// </summary>
    NotAuthentic,

    /// <summary>
    /// An initiation no later than one before: recorded and sent again, or the peer's clock was set back.
    /// </summary>
    StaleTimestamp,

    /// <summary>An initiation too soon after the one before.</summary>
    TooSoon,

    /// <summary>A response or cookie reply that answers nothing of ours.</summary>
    NotAwaited,

    /// <summary>A packet for a session that is not there (any more).</summary>
    NoSession,

    /// <summary>A packet of a session that is too old.</summary>
    SessionExpired,

    /// <summary>A packet that has been received before, or is too old to tell.</summary>
    Replayed,

    /// <summary>An inner packet from an address that is not the peer's to use.</summary>
    WrongSource,

    /// <summary>An inner packet to an address that no peer has.</summary>
    NoRoute,

    /// <summary>A packet to a peer whose endpoint is not known yet.</summary>
    NoEndpoint,

    /// <summary>A packet that waited for a handshake and made room for a later one, or found none.</summary>
    QueueFull,

    /// <summary>A packet that waited for a handshake that never came about.</summary>
    HandshakeFailed,

    /// <summary>OpenSSL had no memory.</summary>
    CryptoFailed,
}

/// <summary>How many were dropped for each reason. Written by one thread, read by any.</summary>
internal sealed class DropCounters
{
    private readonly long[] _counts = new long[(int)WireGuardDrop.CryptoFailed + 1];

    /// <summary>How many were dropped for a reason.</summary>
    public long this[WireGuardDrop reason] => _counts[(int)reason];

    /// <summary>Counts drops.</summary>
    internal void Add(WireGuardDrop reason, int count = 1) => _counts[(int)reason] += count;
}
