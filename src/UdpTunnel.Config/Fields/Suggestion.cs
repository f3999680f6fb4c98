// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Config.Fields;

/// <summary>Finds what somebody may have meant by a word that nobody knows.</summary>
internal static class Suggestion
{
    /// <summary>
    /// Longest word that is compared: no known word is nearly as long, and the comparison's cost is a product of
    /// lengths.
    /// </summary>
    private const int MaxLength = 40;

    /// <summary>The nearest of some words, case aside; the first of equally near ones.</summary>
    /// <param name="word">The unknown word.</param>
    /// <param name="known">The known words, the likelier ones first.</param>
    /// <returns>The word, or null if none is near: within a third of the length, but at least one edit.</returns>
    public static string? Nearest(string word, IEnumerable<string> known)
    {
        if (word.Length > MaxLength)
        {
            return null;
        }

        var folded = KnownFields.Fold(word);
        var nearest = known
            .Select(candidate => (Word: candidate, Distance: Distance(folded, KnownFields.Fold(candidate))))
            .MinBy(candidate => candidate.Distance);
        return nearest.Word is not null && nearest.Distance <= Math.Max(1, (word.Length + 1) / 3) ? nearest.Word : null;
    }

    /// <summary>
    /// Damerau-Levenshtein distance, the unrestricted one: the fewest insertions, deletions, replacements and exchanges
    /// of neighbours, other edits between the exchanged ones allowed (Lowrance and Wagner 1975).
    /// </summary>
    private static int Distance(string a, string b)
    {
        // Row and column 0 stand before the empty prefix: an exchange that would reach there costs more than anything.
        var costs = new int[a.Length + 2, b.Length + 2];
        var infinity = a.Length + b.Length;
        costs[0, 0] = infinity;
        for (var i = 0; i <= a.Length; i++)
        {
            costs[i + 1, 0] = infinity;
            costs[i + 1, 1] = i;
        }

        for (var j = 0; j <= b.Length; j++)
        {
            costs[0, j + 1] = infinity;
            costs[1, j + 1] = j;
        }

        var lastRowWith = new Dictionary<char, int>();
        for (var i = 1; i <= a.Length; i++)
        {
            var lastMatchingColumn = 0;
            for (var j = 1; j <= b.Length; j++)
            {
                var row = lastRowWith.GetValueOrDefault(b[j - 1]);
                var column = lastMatchingColumn;
                var replace = costs[i, j] + (a[i - 1] == b[j - 1] ? 0 : 1);
                var exchange = costs[row, column] + (i - row - 1) + 1 + (j - column - 1);
                var insertOrDelete = Math.Min(costs[i + 1, j], costs[i, j + 1]) + 1;
                costs[i + 1, j + 1] = Math.Min(Math.Min(replace, exchange), insertOrDelete);
                if (a[i - 1] == b[j - 1])
                {
                    lastMatchingColumn = j;
                }
            }

            lastRowWith[a[i - 1]] = i;
        }

        return costs[a.Length + 1, b.Length + 1];
    }
}
