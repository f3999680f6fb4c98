// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers;
using System.Text;
using System.Text.Json;

namespace UdpTunnel.Cli.Output;

/// <summary>
/// JSON for programs: one object on one line, so that a stream of them is NDJSON. Written by hand, not by a serializer,
/// which would need metadata of every type at start-up. Everything outside printable ASCII is escaped by the writer.
/// </summary>
internal static class JsonOutput
{
    /// <summary>Raised when a name or a meaning changes; new names do not raise it.</summary>
    public const int SchemaVersion = 1;

    /// <summary>
    /// Writes an object with <c>schemaVersion</c> and what <paramref name="members"/> adds, and ends the line.
    /// </summary>
    public static void Write(TextWriter output, Action<Utf8JsonWriter> members)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteNumber("schemaVersion", SchemaVersion);
            members(writer);
            writer.WriteEndObject();
        }

        output.Write(Encoding.UTF8.GetString(buffer.WrittenSpan));
        output.Write('\n');
    }

    /// <summary>A string member; null if the text is empty, which is how proto3 says 'unknown'.</summary>
    public static void WriteText(this Utf8JsonWriter writer, string name, string text)
    {
        if (text.Length == 0)
        {
            writer.WriteNull(name);
        }
        else
        {
            writer.WriteString(name, text);
        }
    }

    /// <summary>A number member; null if it is 0, which is how proto3 says 'unknown'.</summary>
    public static void WriteKnown(this Utf8JsonWriter writer, string name, uint number)
    {
        if (number == 0)
        {
            writer.WriteNull(name);
        }
        else
        {
            writer.WriteNumber(name, number);
        }
    }

    /// <summary>A time member as RFC 3339; null if not known.</summary>
    public static void WriteTime(this Utf8JsonWriter writer, string name, DateTimeOffset? time)
    {
        if (time is { } known)
        {
            writer.WriteString(name, TimeText.Rfc3339(known));
        }
        else
        {
            writer.WriteNull(name);
        }
    }

    /// <summary>A rate member; null if it is no finite number, for which JSON has no notation.</summary>
    public static void WriteRate(this Utf8JsonWriter writer, string name, double rate)
    {
        if (double.IsFinite(rate))
        {
            writer.WriteNumber(name, rate);
        }
        else
        {
            writer.WriteNull(name);
        }
    }
}
