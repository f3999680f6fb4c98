// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Json;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output.Relays;

/// <summary>Senders as JSON.</summary>
internal static class SenderJson
{
    /// <summary>An array member.</summary>
    public static void WriteAll(Utf8JsonWriter writer, string name, IEnumerable<Sender> senders)
    {
        writer.WriteStartArray(name);
        foreach (var sender in senders)
        {
            writer.WriteStartObject();
            WriteMembers(writer, sender);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    /// <summary>The senders of an answer; a daemon that names one only has not more.</summary>
    public static IReadOnlyList<Sender> AllOf(Sender? first, IReadOnlyList<Sender> all) =>
        all.Count > 0 ? all : [first ?? new Sender()];

    /// <summary>The senders that a decision was about: the first by itself, too.</summary>
    public static void WriteDecision(Utf8JsonWriter writer, IReadOnlyList<Sender> senders)
    {
        Write(writer, "sender", senders[0]);
        WriteAll(writer, "senders", senders);
    }

    /// <summary>An object member.</summary>
    public static void Write(Utf8JsonWriter writer, string name, Sender sender)
    {
        writer.WriteStartObject(name);
        WriteMembers(writer, sender);
        writer.WriteEndObject();
    }

    private static void WriteMembers(Utf8JsonWriter writer, Sender sender)
    {
        writer.WriteText("fingerprint", sender.Fingerprint);
        writer.WriteText("address", sender.Address);
        writer.WriteText("relay", sender.Relay);
        writer.WriteString("state", Words.Of(sender.State));
        writer.WriteTime("since", TimeText.Of(sender.Since));
        writer.WriteText("host", sender.Host);
        writer.WriteText("name", sender.Name);
        writer.WriteStartArray("services");
        foreach (var range in sender.Services)
        {
            writer.WriteStringValue(RelayText.Range(range));
        }

        writer.WriteEndArray();
    }
}
