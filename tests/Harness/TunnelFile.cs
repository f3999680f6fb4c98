// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Json;
using System.Text.Json.Serialization;

namespace UdpTunnel.Tests.Harness;

/// <summary>A tunnel's configuration file. What is null is left out.</summary>
internal sealed record TunnelFile
{
    private static readonly JsonSerializerOptions Format = new()
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        WriteIndented = true,
    };

    /// <summary>TCP and UDP port that tests use when they need one that may be reached.</summary>
    public const int Allowed = 5001;

    /// <summary>Another one.</summary>
    public const int AlsoAllowed = 5002;

    public string Name { get; init; } = "t";

    public required string TunnelAddress { get; init; }

    public required string NetworkAddress { get; init; }

    public IReadOnlyList<int> AllowedPorts { get; init; } = [Allowed, AlsoAllowed];

    public string? TunnelDevice { get; init; }

    public int? HeartbeatInterval { get; init; }

    public string? PacketMagic { get; init; }

    /// <summary>A number of bytes, or <c>auto</c>.</summary>
    public object? Mtu { get; init; }

    public bool? Firewall { get; init; }

    public bool? Forward { get; init; }

    public bool? Overlap { get; init; }

    public IReadOnlyList<string>? AllowedSources { get; init; }

    public IReadOnlyList<string>? AllowedDestinations { get; init; }

    public string? Offload { get; init; }

    public bool? Reject { get; init; }

    public IReadOnlyList<string>? Routes { get; init; }

    public string? BindAddress { get; init; }

    public string? BindDevice { get; init; }

    public long? FirewallMark { get; init; }

    public int? Dscp { get; init; }

    public int? FlowTableSize { get; init; }

    public int? TcpIdleTimeout { get; init; }

    public int? UdpIdleTimeout { get; init; }

    /// <summary>Address of this end inside the tunnel, without the prefix length.</summary>
    [JsonIgnore]
    public string Address => TunnelAddress.Split('/')[0];

    /// <summary>The text of the file.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Format);
}
