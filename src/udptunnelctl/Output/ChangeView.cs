// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output;

/// <summary>The difference between a running tunnel and a configuration.</summary>
internal static class ChangeView
{
    /// <summary>One entry for each field that differs.</summary>
    public static void Render(Screen screen, IEnumerable<Change> changes)
    {
        foreach (var change in changes)
        {
            var restart = change.NeedsRestart ? " (needs a restart)" : "";
            screen.Paragraph(
                $"{change.Field}: {change.Before} -> {change.After}{restart}",
                indent: 2,
                style: change.NeedsRestart ? Style.Warning : Style.Plain
            );
        }
    }
}
