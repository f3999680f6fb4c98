// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output.Relays;

/// <summary>
/// Relays as JSON, with the names of protos/udptunnel/v1/relay.proto in camelCase. Durations are seconds.
/// </summary>
internal static class RelayJson
{
    /// <summary>An array member.</summary>
    public static void WriteAll(Utf8JsonWriter writer, string name, IEnumerable<Relay> relays)
    {
        writer.WriteStartArray(name);
        foreach (var relay in relays)
        {
            writer.WriteStartObject();
            WriteMembers(writer, relay);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    /// <summary>An object member.</summary>
    public static void Write(Utf8JsonWriter writer, string name, Relay relay)
    {
        writer.WriteStartObject(name);
        WriteMembers(writer, relay);
        writer.WriteEndObject();
    }

    /// <summary>An array member of flows.</summary>
    public static void WriteFlows(Utf8JsonWriter writer, string name, IEnumerable<RelayFlow> flows)
    {
        writer.WriteStartArray(name);
        foreach (var flow in flows)
        {
            writer.WriteStartObject();
            writer.WriteText("client", flow.Client);
            writer.WriteNumber("id", flow.Id);
            WriteSeconds(writer, "age", flow.Age);
            WriteSeconds(writer, "idle", flow.Idle);
            writer.WriteNumber("packetsToService", flow.PacketsToService);
            writer.WriteNumber("bytesToService", flow.BytesToService);
            writer.WriteNumber("packetsToClients", flow.PacketsToClients);
            writer.WriteNumber("bytesToClients", flow.BytesToClients);
            writer.WriteNumber("port", flow.Port);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteMembers(Utf8JsonWriter writer, Relay relay)
    {
        writer.WriteString("name", relay.Name);
        writer.WriteString("role", Words.Of(relay.Role));
        writer.WriteString("protocol", Words.Of(relay.Protocol));
        writer.WriteString("state", Words.Of(relay.State));
        writer.WriteText("problem", relay.Problem);
        writer.WriteText("udpAddress", relay.UdpAddress);
        writer.WriteText("tcpAddress", relay.TcpAddress);
        WriteSeconds(writer, "idleTimeout", relay.IdleTimeout);
        writer.WriteNumber("maxFlows", relay.MaxFlows);
        writer.WriteBoolean("ephemeral", relay.Ephemeral);
        writer.WriteText("file", relay.File);
        writer.WriteTime("started", TimeText.Of(relay.Started));
        writer.WriteText("ownFingerprint", relay.OwnFingerprint);
        writer.WriteText("peerAddress", relay.PeerAddress);
        writer.WriteText("peerFingerprint", relay.PeerFingerprint);
        writer.WriteTime("lastHeard", TimeText.Of(relay.LastHeard));
        WriteCounters(writer, relay.Counters);
        writer.WriteNumber("pendingSenders", relay.PendingSenders);
        WriteRates(writer, relay.Rates);
        writer.WriteText("serviceProblem", relay.ServiceProblem);
        writer.WriteString("answersFrom", Words.Of(relay.AnswersFrom));
        writer.WriteStartArray("allowedClients");
        foreach (var network in relay.AllowedClients)
        {
            writer.WriteStringValue(network);
        }

        writer.WriteEndArray();
        writer.WriteNumber("clientFlowRate", relay.ClientFlowRate);
        writer.WriteNumber("clientByteRate", relay.ClientByteRate);
        writer.WriteString("proxyProtocol", Words.Of(relay.ProxyProtocol));
    }

    private static void WriteRates(Utf8JsonWriter writer, RelayRates? rates)
    {
        if (rates is null)
        {
            writer.WriteNull("rates");
            return;
        }

        writer.WriteStartObject("rates");
        writer.WriteRate("packetsToServicePerSecond", rates.PacketsToServicePerSecond);
        writer.WriteRate("bytesToServicePerSecond", rates.BytesToServicePerSecond);
        writer.WriteRate("packetsToClientsPerSecond", rates.PacketsToClientsPerSecond);
        writer.WriteRate("bytesToClientsPerSecond", rates.BytesToClientsPerSecond);
        writer.WriteEndObject();
    }

    private static void WriteCounters(Utf8JsonWriter writer, RelayCounters? counters)
    {
        if (counters is null)
        {
            writer.WriteNull("counters");
            return;
        }

        writer.WriteStartObject("counters");
        writer.WriteNumber("packetsToService", counters.PacketsToService);
        writer.WriteNumber("bytesToService", counters.BytesToService);
        writer.WriteNumber("packetsToClients", counters.PacketsToClients);
        writer.WriteNumber("bytesToClients", counters.BytesToClients);
        writer.WriteNumber("flows", counters.Flows);
        writer.WriteNumber("flowsOpened", counters.FlowsOpened);
        writer.WriteNumber("connections", counters.Connections);
        writer.WriteNumber("dnsLookups", counters.DnsLookups);
        writer.WriteNumber("dnsFailures", counters.DnsFailures);
        writer.WriteStartArray("drops");
        foreach (var drop in counters.Drops)
        {
            writer.WriteStartObject();
            writer.WriteString("reason", Words.Of(drop.Reason));
            writer.WriteNumber("packets", drop.Packets);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteSeconds(Utf8JsonWriter writer, string name, Duration? duration)
    {
        if (duration is null)
        {
            writer.WriteNull(name);
        }
        else
        {
            writer.WriteNumber(name, TimeText.Length(duration).TotalSeconds);
        }
    }
}
