// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Json;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output;

/// <summary>Remarks about a configuration as JSON.</summary>
internal static class DiagnosticJson
{
    /// <summary>An array member. Line and column are null where a remark concerns the text as a whole.</summary>
    public static void Write(Utf8JsonWriter writer, string name, IEnumerable<Diagnostic> diagnostics)
    {
        writer.WriteStartArray(name);
        foreach (var diagnostic in diagnostics)
        {
            writer.WriteStartObject();
            writer.WriteString("severity", Words.Of(diagnostic.Severity));
            WritePosition(writer, "line", diagnostic.Line);
            WritePosition(writer, "column", diagnostic.Column);
            writer.WriteText("field", diagnostic.Field);
            writer.WriteString("message", diagnostic.Message);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WritePosition(Utf8JsonWriter writer, string name, int position)
    {
        if (position > 0)
        {
            writer.WriteNumber(name, position);
        }
        else
        {
            writer.WriteNull(name);
        }
    }
}
