// SPDX-License-Identifier: BSD-3-Clause

using System.Net;

namespace UdpTunnel.Tunnel;

/// <summary>What a peer's handshakes and packets show of how its end is set up, which the doctor reads.</summary>
internal sealed record PeerSigns
{
    /// <summary>Its handshakes that were answered, and that it has not gone on with.</summary>
    public long Answered { get; init; }

    /// <summary>Its responses that did not verify since a handshake was last completed.</summary>
    public long Unverified { get; init; }

    /// <summary>
    /// By how much a handshake was earlier than one before, since one was last completed; zero if none was.
    /// </summary>
    public TimeSpan StaleBy { get; init; }

    /// <summary>
    /// By how much its clock was ahead of this host's; less than zero if it was behind, null if that is not known.
    /// </summary>
    public TimeSpan? ClockAhead { get; init; }

    /// <summary>Bytes of the longest inner packet that came from it, as far as was looked at; 0 for none.</summary>
    public int LongestPacket { get; init; }

    /// <summary>The last inner addresses, one of each family, that it sent from and that are not its to use.</summary>
    public IReadOnlyList<IPAddress> ForeignSources { get; init; } = [];
}
