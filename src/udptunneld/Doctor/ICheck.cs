// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Relay;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Doctor;

/// <summary>Looks at one thing. May take its time, and never changes what runs.</summary>
internal interface ICheck
{
    /// <summary>Names what it looks at, where it cannot say more itself.</summary>
    string Id { get; }

    /// <summary>Looks. Runs on a thread of its own.</summary>
    /// <exception cref="IOException">The system does not let it look.</exception>
    IEnumerable<Finding> Run(Patient patient);
}

/// <summary>What a check has found.</summary>
/// <param name="Id">Stable name of what was looked at: <c>tun_device</c>.</param>
/// <param name="Result">How it is.</param>
/// <param name="Message">What was found, for a person.</param>
/// <param name="Remedy">The command, or the field of a configuration, that mends it; empty if there is none.</param>
/// <param name="Subject">The tunnel or relay; empty for the host and the daemon.</param>
internal sealed record Finding(string Id, CheckResult Result, string Message, string Remedy = "", string Subject = "");

/// <summary>What became of a check. Values and names follow <c>udptunnel.v1.CheckResult</c>.</summary>
internal enum CheckResult
{
    Ok = 1,
    Warning = 2,
    Failure = 3,
    Skipped = 4,
}

/// <summary>The tunnels and relays that are looked at, as they were at the beginning.</summary>
/// <param name="Tunnels">The tunnels.</param>
/// <param name="Relays">The relays.</param>
internal sealed record Patient(IReadOnlyList<TunnelStatus> Tunnels, IReadOnlyList<RelayStatus> Relays);
