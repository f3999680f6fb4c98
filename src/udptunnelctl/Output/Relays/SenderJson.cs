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
        writer.WriteTime("since", Moment.Of(sender.Since));
    }
}
