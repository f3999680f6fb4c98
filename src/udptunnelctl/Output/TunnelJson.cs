// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Json;
using UdpTunnel.Cli.Output.Peers;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output;

/// <summary>Tunnels as JSON, with the names of protos/udptunnel/v1/tunnel.proto in camelCase.</summary>
internal static class TunnelJson
{
    /// <summary>An array member.</summary>
    public static void WriteAll(Utf8JsonWriter writer, string name, IEnumerable<Tunnel> tunnels)
    {
        writer.WriteStartArray(name);
        foreach (var tunnel in tunnels)
        {
            writer.WriteStartObject();
            WriteMembers(writer, tunnel);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    /// <summary>An object member.</summary>
    public static void Write(Utf8JsonWriter writer, string name, Tunnel tunnel)
    {
        writer.WriteStartObject(name);
        WriteMembers(writer, tunnel);
        writer.WriteEndObject();
    }

    /// <summary>An array member of <c>{"first":22,"last":22}</c>, both inclusive.</summary>
    public static void WritePorts(Utf8JsonWriter writer, string name, IEnumerable<PortRange> ports)
    {
        writer.WriteStartArray(name);
        foreach (var range in ports)
        {
            writer.WriteStartObject();
            writer.WriteNumber("first", range.First);
            writer.WriteNumber("last", range.Last);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    /// <summary>An array member of flows. Their idle time is in seconds.</summary>
    public static void WriteFlows(Utf8JsonWriter writer, string name, IEnumerable<TunnelFlow> flows)
    {
        writer.WriteStartArray(name);
        foreach (var flow in flows)
        {
            writer.WriteStartObject();
            writer.WriteString("protocol", Words.Of(flow.Protocol));
            writer.WriteString("openedBy", Words.Of(flow.OpenedBy));
            writer.WriteString("state", Words.Of(flow.State));
            writer.WriteString("source", flow.Source);
            writer.WriteString("destination", flow.Destination);
            writer.WriteNumber("idle", TimeText.Length(flow.Idle).TotalSeconds);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteMembers(Utf8JsonWriter writer, Tunnel tunnel)
    {
        writer.WriteString("name", tunnel.Name);
        writer.WriteString("mode", Words.Of(tunnel.Mode));
        writer.WriteString("protocol", Words.Of(tunnel.Protocol));
        writer.WriteString("state", Words.Of(tunnel.State));
        writer.WriteText("problem", tunnel.Problem);
        writer.WriteText("loop", tunnel.Loop);
        writer.WriteStartArray("remarks");
        foreach (var remark in tunnel.Remarks)
        {
            writer.WriteStringValue(remark);
        }

        writer.WriteEndArray();
        writer.WriteText("device", tunnel.Device);
        writer.WriteText("tunnelAddress", tunnel.TunnelAddress);
        WriteAddresses(writer, tunnel);
        writer.WriteText("networkAddress", tunnel.NetworkAddress);
        if (tunnel.LocalPort == 0)
        {
            writer.WriteNull("localPort");
        }
        else
        {
            writer.WriteNumber("localPort", tunnel.LocalPort);
        }

        writer.WriteNumber("mtu", tunnel.Mtu);
        writer.WriteText("mtuSource", Words.Of(tunnel.MtuSource) ?? "");
        WritePorts(writer, "allowedPorts", tunnel.AllowedPorts);
        writer.WriteBoolean("firewall", tunnel.Firewall);
        writer.WriteBoolean("ephemeral", tunnel.Ephemeral);
        writer.WriteText("file", tunnel.File);
        writer.WriteNumber("heartbeatInterval", tunnel.HeartbeatInterval);
        writer.WriteTime("started", TimeText.Of(tunnel.Started));
        WritePeer(writer, tunnel.Peer);
        writer.WriteText("publicKey", tunnel.PublicKey);
        PeerJson.WriteAll(writer, "peers", tunnel.Peers);
        PeerJson.WriteAll(writer, "pendingPeers", tunnel.PendingPeers);
        writer.WriteNumber("peerCount", tunnel.PeerCount);
        WriteOffloads(writer, tunnel.Offloads);
        WriteCounters(writer, tunnel.Counters);
        WriteRates(writer, tunnel.Rates);
    }

    private static void WriteAddresses(Utf8JsonWriter writer, Tunnel tunnel)
    {
        writer.WriteStartArray("tunnelAddresses");
        foreach (var address in tunnel.TunnelAddresses)
        {
            writer.WriteStringValue(address);
        }

        writer.WriteEndArray();
    }

    private static void WritePeer(Utf8JsonWriter writer, Peer? peer)
    {
        writer.WriteStartObject("peer");
        writer.WriteText("endpoint", peer?.Endpoint ?? "");
        writer.WriteTime("lastHeard", TimeText.Of(peer?.LastHeard));
        writer.WriteKnown("pathMtu", peer?.PathMtu ?? 0);
        writer.WriteKnown("packetMtu", peer?.PacketMtu ?? 0);
        writer.WriteEndObject();
    }

    private static void WriteOffloads(Utf8JsonWriter writer, Offloads? offloads)
    {
        if (offloads is null)
        {
            writer.WriteNull("offloads");
            return;
        }

        writer.WriteStartObject("offloads");
        writer.WriteBoolean("tunTcp", offloads.TunTcp);
        writer.WriteBoolean("tunUdp", offloads.TunUdp);
        writer.WriteBoolean("udpSegment", offloads.UdpSegment);
        writer.WriteBoolean("udpGro", offloads.UdpGro);
        writer.WriteEndObject();
    }

    private static void WriteCounters(Utf8JsonWriter writer, Counters? counters)
    {
        if (counters is null)
        {
            writer.WriteNull("counters");
            return;
        }

        writer.WriteStartObject("counters");
        writer.WriteNumber("packetsOut", counters.PacketsOut);
        writer.WriteNumber("bytesOut", counters.BytesOut);
        writer.WriteNumber("packetsIn", counters.PacketsIn);
        writer.WriteNumber("bytesIn", counters.BytesIn);
        writer.WriteNumber("heartbeatsOut", counters.HeartbeatsOut);
        writer.WriteNumber("heartbeatsIn", counters.HeartbeatsIn);
        writer.WriteNumber("peerChanges", counters.PeerChanges);
        writer.WriteNumber("dnsLookups", counters.DnsLookups);
        writer.WriteNumber("dnsFailures", counters.DnsFailures);
        writer.WriteNumber("flows", counters.Flows);
        writer.WriteStartArray("drops");
        foreach (var drop in counters.Drops)
        {
            writer.WriteStartObject();
            writer.WriteString("reason", Words.Of(drop.Reason));
            writer.WriteString("direction", Words.Of(drop.Direction));
            writer.WriteNumber("packets", drop.Packets);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteRates(Utf8JsonWriter writer, Rates? rates)
    {
        if (rates is null)
        {
            writer.WriteNull("rates");
            return;
        }

        writer.WriteStartObject("rates");
        writer.WriteRate("packetsOutPerSecond", rates.PacketsOutPerSecond);
        writer.WriteRate("bytesOutPerSecond", rates.BytesOutPerSecond);
        writer.WriteRate("packetsInPerSecond", rates.PacketsInPerSecond);
        writer.WriteRate("bytesInPerSecond", rates.BytesInPerSecond);
        writer.WriteEndObject();
    }
}
