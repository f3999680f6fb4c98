// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Json;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output;

/// <summary>Differences of configurations as JSON.</summary>
internal static class ChangeJson
{
    /// <summary>An array member.</summary>
    public static void Write(Utf8JsonWriter writer, string name, IEnumerable<Change> changes)
    {
        writer.WriteStartArray(name);
        foreach (var change in changes)
        {
            writer.WriteStartObject();
            writer.WriteString("field", change.Field);
            writer.WriteString("before", change.Before);
            writer.WriteString("after", change.After);
            writer.WriteBoolean("needsRestart", change.NeedsRestart);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }
}
