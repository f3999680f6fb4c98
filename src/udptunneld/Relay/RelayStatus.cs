// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Hosting;

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

/// <summary>How a relay is. Values follow <c>udptunnel.v1.RelayState</c>.</summary>
internal enum RelayState
{
    Waiting = 1,
    Connecting = 2,
    Pending = 3,
    Running = 4,
    Refused = 5,
    Failed = 6,
}

/// <summary>Datagrams and their bytes in both directions.</summary>
internal readonly record struct RelayTraffic(
    long PacketsToService,
    long BytesToService,
    long PacketsToClients,
    long BytesToClients
);

/// <summary>Datagrams and their bytes per second in both directions.</summary>
internal readonly record struct RelayRates(
    double PacketsToService,
    double BytesToService,
    double PacketsToClients,
    double BytesToClients
)
{
    /// <summary>Takes in what was carried in some time.</summary>
    public RelayRates After(in RelayTraffic before, in RelayTraffic now, TimeSpan elapsed)
    {
        var seconds = elapsed.TotalSeconds;
        return new RelayRates(
            RateAverage.Next(PacketsToService, (now.PacketsToService - before.PacketsToService) / seconds),
            RateAverage.Next(BytesToService, (now.BytesToService - before.BytesToService) / seconds),
            RateAverage.Next(PacketsToClients, (now.PacketsToClients - before.PacketsToClients) / seconds),
            RateAverage.Next(BytesToClients, (now.BytesToClients - before.BytesToClients) / seconds)
        );
    }
}

/// <summary>What can be told about a flow at one moment.</summary>
/// <param name="Client">The client; empty if it is not known at this end.</param>
/// <param name="Id">Number on the wire; 0 if it has none.</param>
/// <param name="Age">Since it was opened.</param>
/// <param name="Idle">Since the last datagram in either direction.</param>
/// <param name="Traffic">What it carried.</param>
/// <param name="Port">The receiver's port that the client sends to; 0 if it is not known.</param>
internal sealed record FlowStatus(string Client, uint Id, TimeSpan Age, TimeSpan Idle, RelayTraffic Traffic, int Port);

/// <summary>
/// Times that both ends of a relay have in common, so that neither takes a quiet peer for a dead one. In milliseconds.
/// </summary>
internal static class RelayTimes
{
    /// <summary>After so much silence the peer is asked for a sign of life.</summary>
    public const long Ping = 5_000;

    /// <summary>After so much silence it is dead: two pings without an answer, and it is noticed within 15 s.</summary>
    public const long Dead = 12_000;

    /// <summary>How long a handshake may take.</summary>
    public const long Handshake = 10_000;

    /// <summary>How long a client of TLS may take to say its first word, which it says at once.</summary>
    public const long FirstByte = 5_000;

    /// <summary>How long a peer that was sent away may take to leave.</summary>
    public const long Leave = 2_000;

    /// <summary>
    /// The same where the last word is encrypted and its end is known: revoking ends a connection within a second.
    /// </summary>
    public const long LeaveTls = 500;

    /// <summary>The clock of all of these.</summary>
    public static long Now => Environment.TickCount64;
}
