// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output;

/// <summary>What <c>udptunnelctl events</c> shows: one entry for each event, oldest first.</summary>
internal static class EventView
{
    /// <summary>Of the time and two spaces.</summary>
    private const int TimeWidth = 21;

    /// <summary>Local time, level if it is more than information, tunnel and sentence.</summary>
    public static void Render(Screen screen, IEnumerable<Event> events, TimeProvider clock)
    {
        foreach (var happened in events)
        {
            var time = TimeText.Of(happened.Time) is { } known ? TimeText.Local(known, clock) : "";
            var level = happened.Level is EventLevel.Warning or EventLevel.Error ? $"{Words.Of(happened.Level)}: " : "";
            var tunnel = happened.Tunnel.Length > 0 ? $"{happened.Tunnel}: " : "";
            screen.Hanging(time, TimeWidth, level + tunnel + happened.Message, StyleOf(happened.Level));
        }
    }

    private static Style StyleOf(EventLevel level) =>
        level switch
        {
            EventLevel.Warning => Style.Warning,
            EventLevel.Error => Style.Bad,
            _ => Style.Plain,
        };
}
