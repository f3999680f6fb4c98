// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using System.Text.Json;

namespace UdpTunnel.Config;

/// <summary>
/// Writes short lists on one line, which an indented <see cref="Utf8JsonWriter"/> does only with raw text.
/// </summary>
internal static class JsonLine
{
    /// <summary>Writes a list of strings.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="items">Their texts have nothing that JSON escapes: addresses and networks.</param>
    public static void WriteList<T>(Utf8JsonWriter json, IEnumerable<T> items)
    {
        var list = new StringBuilder("[");
        foreach (var item in items)
        {
            list.Append(list.Length > 1 ? ", " : "").Append('"').Append(item).Append('"');
        }

        json.WriteRawValue(list.Append(']').ToString());
    }
}
