// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Output;
using UdpTunnel.Cli.Output.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Live.Top;

/// <summary>One thing that can be selected: a tunnel, a relay, or a sender or peer that waits.</summary>
/// <param name="Key">Tells it from all others, also in the next snapshot.</param>
/// <param name="Name">As the user knows it.</param>
/// <param name="Kind">Which end of what.</param>
internal sealed record TopRow(string Key, string Name, string Kind)
{
    /// <summary>How it is, in a word.</summary>
    public required string State { get; init; }

    /// <summary>How the state looks.</summary>
    public required Style Style { get; init; }

    /// <summary>When the other end was heard; null if never.</summary>
    public DateTimeOffset? Heard { get; init; }

    /// <summary>Dropped packets since the start.</summary>
    public ulong Drops { get; init; }

    /// <summary>What it carries; of who waits nothing.</summary>
    public TrafficHistory History { get; init; } = TrafficHistory.From(default, default);

    /// <summary>What the row shows, one of three.</summary>
    public Tunnel? Tunnel { get; private init; }

    /// <summary>What the row shows, one of three.</summary>
    public Relay? Relay { get; private init; }

    /// <summary>What the row shows, one of three.</summary>
    public Waiting? Waiting { get; private init; }

    /// <summary>The row of a tunnel.</summary>
    public static TopRow Of(Tunnel tunnel, TrafficHistory history) =>
        new($"name {tunnel.Name}", tunnel.Name, Words.Spoken(Words.Of(tunnel.Mode)))
        {
            State = Words.Spoken(Words.Of(tunnel.State)),
            Style = TunnelText.StyleOf(tunnel.State),
            Heard = TimeText.Of(tunnel.Peer?.LastHeard),
            Drops = Sum((tunnel.Counters?.Drops ?? []).Select(d => d.Packets)),
            History = history,
            Tunnel = tunnel,
        };

    /// <summary>The row of a relay.</summary>
    public static TopRow Of(Relay relay, TrafficHistory history) =>
        new($"name {relay.Name}", relay.Name, Words.Spoken(Words.Of(relay.Role)))
        {
            State = Words.Spoken(Words.Of(relay.State)),
            Style = RelayText.StyleOf(relay.State),
            Heard = TimeText.Of(relay.LastHeard),
            Drops = Sum((relay.Counters?.Drops ?? []).Select(d => d.Packets)),
            History = history,
            Relay = relay,
        };

    /// <summary>The row of a sender or peer that waits.</summary>
    public static TopRow Of(Waiting waiting) =>
        new($"waiting {waiting.Place} {waiting.Identity} {waiting.Address}", waiting.Identity, "wants in")
        {
            State = Words.Spoken(Words.Of(SenderState.Pending)),
            Style = RelayText.StyleOf(SenderState.Pending),
            Waiting = waiting,
        };

    /// <summary>Wraps around rather than to fail: a daemon's counters are not to be trusted.</summary>
    private static ulong Sum(IEnumerable<ulong> numbers)
    {
        var sum = 0UL;
        foreach (var number in numbers)
        {
            sum += number;
        }

        return sum;
    }
}
