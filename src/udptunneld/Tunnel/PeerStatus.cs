// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>How the link to a peer is. Values and names follow <c>udptunnel.v1.PeerState</c>.</summary>
internal enum PeerState
{
    /// <summary>Nothing has come from it since the tunnel started, and nothing was tried.</summary>
    Waiting = 1,

    /// <summary>Packets wait for a handshake that is being tried.</summary>
    Connecting = 2,

    /// <summary>It is there: there is a session that carries packets; of a classic tunnel, it was heard.</summary>
    Connected = 3,

    /// <summary>There was a session, which has expired; the next packet begins another.</summary>
    Idle = 4,

    /// <summary>No handshake came about for 90 seconds, and none has since.</summary>
    Unreachable = 5,

    /// <summary>Its key is no peer's; it waits for a person, and nothing of it passes.</summary>
    Pending = 6,
}

/// <summary>What can be told about a peer of a tunnel at one moment. A classic tunnel has one, without a key.</summary>
internal sealed record PeerStatus
{
    /// <summary>Its number in the tunnel, which tells its flows from others'; 0 for a classic peer.</summary>
    public ushort Number { get; init; }

    /// <summary>As configured; without a name the first 8 characters of the key. Empty for a classic peer.</summary>
    public string Name { get; init; } = "";

    /// <summary>In base64; empty for a classic peer.</summary>
    public string PublicKey { get; init; } = "";

    /// <summary>How the link is.</summary>
    public PeerState State { get; init; } = PeerState.Waiting;

    /// <summary>Since when it waits for a person; null if it does not.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>The inner addresses that it uses while it waits for a person.</summary>
    public IReadOnlyList<string> UsedAddresses { get; init; } = [];

    /// <summary>
    /// Until when the invitation is good by which it was made; null if there is none, or it was used.
    /// </summary>
    public DateTimeOffset? InvitedUntil { get; init; }

    /// <summary>Where it is, <c>address:port</c>; empty if that is not known.</summary>
    public string Endpoint { get; init; } = "";

    /// <summary>Networks that it may send from and that are reached by it, the way that the file writes them.</summary>
    public IReadOnlyList<string> AllowedIps { get; init; } = [];

    /// <summary>Its ports; null if the tunnel's are.</summary>
    public PortSet? AllowedPorts { get; init; }

    /// <summary>When the last handshake was completed; null before the first.</summary>
    public DateTimeOffset? LastHandshake { get; init; }

    /// <summary>When anything authentic last came; null before the first.</summary>
    public DateTimeOffset? LastHeard { get; init; }

    /// <summary>Inner packets that went to it and came from it, and passed the filter.</summary>
    public TrafficTotals Traffic { get; init; }

    /// <summary>Bytes of all datagrams to it, headers and handshakes included; 0 for a classic peer.</summary>
    public long WireBytesOut { get; init; }

    /// <summary>Bytes of all authentic datagrams from it; 0 for a classic peer.</summary>
    public long WireBytesIn { get; init; }

    /// <summary>Handshakes that made a session.</summary>
    public long Handshakes { get; init; }

    /// <summary>Handshakes that were given up after 90 seconds.</summary>
    public long HandshakesFailed { get; init; }

    /// <summary>Datagrams without a packet that were sent to keep the link alive.</summary>
    public long KeepalivesOut { get; init; }

    /// <summary>The same from the peer.</summary>
    public long KeepalivesIn { get; init; }

    /// <summary>
    /// Bytes of an IP packet that the path to it carries in one piece, as far as that is of interest; 0 if it is not
    /// known.
    /// </summary>
    public int PathMtu { get; init; }

    /// <summary>The longest inner packet that goes in one piece; 0 if it is not known.</summary>
    public int PacketMtu { get; init; }

    /// <summary>How often it was found at another endpoint.</summary>
    public long EndpointMoves { get; init; }

    /// <summary>Time from our last initiation to its response; null if there was none.</summary>
    public TimeSpan? RoundTrip { get; init; }

    /// <summary>Interval of persistent keepalives; zero for none.</summary>
    public TimeSpan PersistentKeepalive { get; init; }

    /// <summary>Whether a preshared key is mixed in.</summary>
    public bool HasPresharedKey { get; init; }

    /// <summary>Packets that wait for a handshake.</summary>
    public int WaitingPackets { get; init; }

    /// <summary>What its handshakes and packets show of how its end is set up.</summary>
    public PeerSigns Signs { get; init; } = new();

    /// <summary>What was dropped of it, or of what claimed to be from it; only what occurred.</summary>
    public IReadOnlyList<(DropReason Reason, long Packets)> Drops { get; init; } = [];
}
