// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Live.Top;

/// <summary>A flow of the tunnel or relay that is looked at: one of the two is set.</summary>
/// <param name="Key">Tells it from all others, also in the next snapshot.</param>
/// <param name="Name">As the user knows it.</param>
/// <param name="Idle">Since it was used last.</param>
internal sealed record TopFlow(string Key, string Name, TimeSpan Idle)
{
    /// <summary>Of a tunnel.</summary>
    public TunnelFlow? Tunnel { get; private init; }

    /// <summary>Of a relay.</summary>
    public RelayFlow? Relay { get; private init; }

    /// <summary>What it carries; nothing of a tunnel's, which counts no packets by flow.</summary>
    public TrafficHistory History { get; init; } = TrafficHistory.From(default, default);

    /// <summary>A tunnel's flow.</summary>
    public static TopFlow Of(TunnelFlow flow)
    {
        var name =
            $"{Words.Spoken(Words.Of(flow.Protocol))} {flow.Source} {flow.Destination} {Words.Spoken(Words.Of(flow.OpenedBy))}";
        return new TopFlow(name, name, TimeText.Length(flow.Idle)) { Tunnel = flow };
    }

    /// <summary>A relay's flow.</summary>
    public static TopFlow Of(RelayFlow flow)
    {
        var name = flow.Client.Length > 0 ? flow.Client : $"flow {flow.Id}";
        return new TopFlow($"{flow.Id} {flow.Client}", name, TimeText.Length(flow.Idle)) { Relay = flow };
    }
}
