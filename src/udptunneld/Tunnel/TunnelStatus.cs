using UdpTunnel.Config;
using UdpTunnel.Linux;
using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>What can be told about a tunnel at one moment. Values of the enumerations follow <c>udptunnel.v1</c>.</summary>
internal sealed record TunnelStatus
{
    public required TunnelConfig Config { get; init; }

    public required TunnelState State { get; init; }

    /// <summary>Why it does not run, or empty.</summary>
    public string Problem { get; init; } = "";

    public string Device { get; init; } = "";

    public int LocalPort { get; init; }

    public bool Ephemeral { get; init; }

    /// <summary>The file of the configuration directory that it comes from, or empty.</summary>
    public string File { get; init; } = "";

    /// <summary>Null if it never ran.</summary>
    public DateTimeOffset? Started { get; init; }

    /// <summary>
    /// How the route to a peer leads into the tunnel itself, and the command that changes it; empty if none does.
    /// </summary>
    public string Loop { get; init; } = "";

    /// <summary>This end's public key in base64; empty for a classic tunnel.</summary>
    public string PublicKey { get; init; } = "";

    /// <summary>The peers, in the order of the file; a classic tunnel has one.</summary>
    public IReadOnlyList<PeerStatus> Peers { get; init; } = [];

    /// <summary>The endpoint of a classic tunnel's peer, or empty.</summary>
    public string Peer { get; init; } = "";

    /// <summary>When any peer was last heard; null if none was yet.</summary>
    public DateTimeOffset? LastHeard { get; init; }

    public TunOffloads TunOffloads { get; init; }

    public bool UdpSegments { get; init; }

    public bool UdpMerges { get; init; }

    public TrafficTotals Totals { get; init; }

    /// <summary>Per second, over the last few seconds.</summary>
    public TrafficRates Rates { get; init; }

    public long HeartbeatsOut { get; init; }

    public long HeartbeatsIn { get; init; }

    public long PeerChanges { get; init; }

    public long LookUps { get; init; }

    public long LookUpFailures { get; init; }

    public int Flows { get; init; }

    /// <summary>Only what occurred.</summary>
    public IReadOnlyList<(DropReason Reason, Direction Direction, long Packets)> Drops { get; init; } = [];
}
