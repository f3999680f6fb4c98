// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Json;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output;

/// <summary>Events as JSON.</summary>
internal static class EventJson
{
    /// <summary>An array member.</summary>
    public static void WriteAll(Utf8JsonWriter writer, string name, IEnumerable<Event> events)
    {
        writer.WriteStartArray(name);
        foreach (var happened in events)
        {
            writer.WriteStartObject();
            WriteMembers(writer, happened);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    /// <summary>The members of one event, into an object that is open.</summary>
    public static void WriteMembers(Utf8JsonWriter writer, Event happened)
    {
        writer.WriteNumber("sequence", happened.Sequence);
        writer.WriteTime("time", TimeText.Of(happened.Time));
        writer.WriteString("kind", Words.Of(happened.Kind));
        writer.WriteString("level", Words.Of(happened.Level));
        writer.WriteText("tunnel", happened.Tunnel);
        writer.WriteString("message", happened.Message);
        writer.WriteString("limit", Words.Of(happened.Limit));
        writer.WriteText("peer", happened.Peer);
        writer.WriteText("publicKey", happened.PublicKey);
        writer.WriteText("endpoint", happened.Endpoint);
        writer.WriteText("previousEndpoint", happened.PreviousEndpoint);
        writer.WriteText("device", happened.Device);
        writer.WriteText("host", happened.Host);
        writer.WriteText("problem", happened.Problem);
        writer.WriteText("file", happened.File);
        writer.WriteStartArray("fields");
        foreach (var field in happened.Fields)
        {
            writer.WriteStringValue(field);
        }

        writer.WriteEndArray();
        writer.WriteNumber("count", happened.Count);
        writer.WriteNumber("leftOut", happened.LeftOut);
    }
}
