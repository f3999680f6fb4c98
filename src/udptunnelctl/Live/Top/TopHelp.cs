// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Cli.Live.Top;

/// <summary>What the keys of <c>top</c> do, and what its columns mean.</summary>
internal static class TopHelp
{
    private const int KeyWidth = 16;

    private static readonly (string Key, string Meaning)[] Keys =
    [
        ("j k, arrows", "select a row; in the details, scroll"),
        ("PgUp PgDn g G", "a page, the first, the last"),
        ("Enter", "details: rates, status, flows"),
        ("Esc", "no filter any more; out of the details"),
        ("s", "sort by name, rate, drops, silence; flows by idle, rate, name"),
        ("f /", "filter by name, kind or state; flows by address, protocol"),
        ("p, space", "pause the view, and go on"),
        ("a", "let a sender or peer in that waits for approval"),
        ("d", "send it away"),
        ("q, Ctrl-C", "quit"),
    ];

    private static readonly (string Column, string Meaning)[] Columns =
    [
        ("HEARD", "since something came from the other end"),
        ("OUT, IN", "bits per second; of a relay, to the service and to clients"),
        ("DROPS", "packets dropped since the start; 'stats' has the reasons"),
        ("RATE", "both directions, one column for each look, the newest at the right"),
    ];

    /// <summary>All of it.</summary>
    public static void Render(Screen screen)
    {
        foreach (var (key, meaning) in Keys)
        {
            screen.Hanging($"  {key}", KeyWidth, meaning);
        }

        screen.Line();
        foreach (var (column, meaning) in Columns)
        {
            screen.Hanging($"  {column}", KeyWidth, meaning);
        }
    }
}
