using UdpTunnel.Config;

namespace UdpTunnel.Relay;

/// <summary>What can be told about a relay at one moment.</summary>
internal sealed record RelayStatus
{
    public required RelayConfig Config { get; init; }

    public required RelayState State { get; init; }

    /// <summary>Why it does not run, or empty.</summary>
    public string Problem { get; init; } = "";

    public bool Ephemeral { get; init; }

    /// <summary>The file of the configuration directory that it comes from, or empty.</summary>
    public string File { get; init; } = "";

    /// <summary>Null if it never ran.</summary>
    public DateTimeOffset? Started { get; init; }

    /// <summary>This daemon's key, or empty.</summary>
    public string OwnFingerprint { get; init; } = "";

    public string PeerAddress { get; init; } = "";

    public string PeerFingerprint { get; init; } = "";

    /// <summary>Null if nothing was heard yet.</summary>
    public DateTimeOffset? LastHeard { get; init; }

    public RelayTraffic Traffic { get; init; }

    public RelayRates Rates { get; init; }

    public int Flows { get; init; }

    public long FlowsOpened { get; init; }

    public long Connections { get; init; }

    public long LookUps { get; init; }

    public long LookUpFailures { get; init; }

    /// <summary>Sender: why the service is not reached or its answers are dropped, for a person; or empty.</summary>
    public string ServiceProblem { get; init; } = "";

    public int PendingSenders { get; init; }

    /// <summary>Only what occurred.</summary>
    public IReadOnlyList<(RelayDropReason Reason, long Packets)> Drops { get; init; } = [];
}
