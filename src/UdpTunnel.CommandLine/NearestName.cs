// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.CommandLine;

/// <summary>Finds what somebody may have meant.</summary>
public static class NearestName
{
    /// <summary>
    /// The known name with the fewest changes to the given one (a character added, left out, replaced, or two
    /// neighbours exchanged: optimal string alignment), the first among equals; null if more than a third of the
    /// characters would change. Upper and lower case count as equal.
    /// </summary>
    public static string? Of(string name, IEnumerable<string> known)
    {
        string? nearest = null;
        var fewest = int.MaxValue;
        foreach (var candidate in known)
        {
            var changes = Distance(name.ToLowerInvariant(), candidate.ToLowerInvariant());
            if (changes < fewest)
            {
                nearest = candidate;
                fewest = changes;
            }
        }

        return nearest is not null && fewest <= Math.Max(1, Math.Max(name.Length, nearest.Length) / 3) ? nearest : null;
    }

    private static int Distance(string a, string b)
    {
        var table = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
        {
            for (var j = 0; j <= b.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    table[i, j] = i + j;
                    continue;
                }

                var replaced = table[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                var best = Math.Min(replaced, Math.Min(table[i - 1, j], table[i, j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    best = Math.Min(best, table[i - 2, j - 2] + 1);
                }

                table[i, j] = best;
            }
        }

        return table[a.Length, b.Length];
    }
}
