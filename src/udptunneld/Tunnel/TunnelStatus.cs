// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>
/// What can be told about a tunnel at one moment. Values of the enumerations follow <c>udptunnel.v1</c>.
/// </summary>
internal sealed record TunnelStatus
{
    public required TunnelConfig Config { get; init; }

    public required TunnelState State { get; init; }

    /// <summary>Why it does not run, or empty.</summary>
    public string Problem { get; init; } = "";

    public string Device { get; init; } = "";

    /// <summary>MTU of the device, in bytes.</summary>
    public int Mtu { get; init; }

    public MtuSource MtuSource { get; init; } = MtuSource.File;

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

    /// <summary>What does not fit between the two ends (<see cref="Tunnel.Misfits.Found"/>).</summary>
    public IReadOnlyList<string> Misfits { get; init; } = [];

    /// <summary>How the tunnel's network overlaps others of this host; empty if it does not.</summary>
    public string Overlap { get; init; } = "";

    /// <summary>What is wrong with the device that the socket is bound to; empty if nothing is.</summary>
    public string Binding { get; init; } = "";

    /// <summary>This end's public key in base64; empty for a classic tunnel.</summary>
    public string PublicKey { get; init; } = "";

    /// <summary>The peers, in the order of the file; a classic tunnel has one.</summary>
    public IReadOnlyList<PeerStatus> Peers { get; init; } = [];

    /// <summary>Those whose key is no peer's and that wait for a person, in the order in which they came.</summary>
    public IReadOnlyList<PeerStatus> PendingPeers { get; init; } = [];

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

/// <summary>
/// How a tunnel is. Values and names follow <c>udptunnel.v1.TunnelState</c>, where each is explained to users.
/// </summary>
internal enum TunnelState
{
    Resolving = 1,
    Waiting = 2,
    Running = 3,
    DeviceLost = 4,
    Failed = 5,
}

/// <summary>Inner packets and their bytes since the tunnel started.</summary>
internal readonly record struct TrafficTotals(long PacketsOut, long BytesOut, long PacketsIn, long BytesIn);

/// <summary>Inner packets and their bytes per second.</summary>
internal readonly record struct TrafficRates(double PacketsOut, double BytesOut, double PacketsIn, double BytesIn)
{
    /// <summary>Takes in what was carried in some time.</summary>
    public TrafficRates After(in TrafficTotals before, in TrafficTotals now, TimeSpan elapsed)
    {
        var seconds = elapsed.TotalSeconds;
        return new TrafficRates(
            RateAverage.Next(PacketsOut, (now.PacketsOut - before.PacketsOut) / seconds),
            RateAverage.Next(BytesOut, (now.BytesOut - before.BytesOut) / seconds),
            RateAverage.Next(PacketsIn, (now.PacketsIn - before.PacketsIn) / seconds),
            RateAverage.Next(BytesIn, (now.BytesIn - before.BytesIn) / seconds)
        );
    }
}
