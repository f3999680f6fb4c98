// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;
using UdpTunnel.WireGuard;

namespace UdpTunnel.Tunnel.Secure;

/// <summary>Why the protocol drops something, in the words in which all drops of a tunnel are counted.</summary>
internal static class SecureDrops
{
    // By the protocol's reason.
    private static readonly DropReason[] Reasons = [.. Enum.GetValues<WireGuardDrop>().Select(Translate)];

    /// <summary>The reason in the words of the tunnel.</summary>
    public static DropReason ToReason(WireGuardDrop drop) => Reasons[(int)drop];

    /// <summary>How many were dropped for a reason.</summary>
    public static long Count(DropCounters drops, DropReason reason)
    {
        var count = 0L;
        for (var i = 1; i < Reasons.Length; i++)
        {
            count += Reasons[i] == reason ? drops[(WireGuardDrop)i] : 0;
        }

        return count;
    }

    private static DropReason Translate(WireGuardDrop drop) =>
        drop switch
        {
            WireGuardDrop.None => DropReason.None,
            WireGuardDrop.Malformed => DropReason.Malformed,
            WireGuardDrop.WrongMac1 => DropReason.WrongKey,
            WireGuardDrop.UnderLoad or WireGuardDrop.RateLimited => DropReason.UnderLoad,
            WireGuardDrop.UnknownPeer => DropReason.UnknownPeer,
            WireGuardDrop.NotAuthentic => DropReason.NotAuthentic,
            WireGuardDrop.StaleTimestamp => DropReason.HandshakeReplayed,
            WireGuardDrop.TooSoon or WireGuardDrop.NotAwaited => DropReason.HandshakeUnexpected,
            WireGuardDrop.NoSession or WireGuardDrop.SessionExpired => DropReason.NoSession,
            WireGuardDrop.Replayed => DropReason.Replayed,
            WireGuardDrop.WrongSource => DropReason.WrongSource,
            WireGuardDrop.NoRoute => DropReason.NoRoute,
            WireGuardDrop.NoEndpoint => DropReason.NoPeer,
            WireGuardDrop.QueueFull => DropReason.QueueFull,
            WireGuardDrop.HandshakeFailed => DropReason.HandshakeFailed,
            WireGuardDrop.CryptoFailed => DropReason.SendFailed,
            _ => throw new InvalidOperationException($"{drop} has no reason"),
        };
}
