// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Json;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output.Peers;

/// <summary>Peers of secure tunnels as JSON.</summary>
internal static class PeerJson
{
    /// <summary>An array member.</summary>
    public static void WriteAll(Utf8JsonWriter writer, string name, IEnumerable<TunnelPeer> peers)
    {
        writer.WriteStartArray(name);
        foreach (var peer in peers)
        {
            writer.WriteStartObject();
            WriteMembers(writer, peer);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    /// <summary>An object member.</summary>
    public static void Write(Utf8JsonWriter writer, string name, TunnelPeer peer)
    {
        writer.WriteStartObject(name);
        WriteMembers(writer, peer);
        writer.WriteEndObject();
    }

    private static void WriteMembers(Utf8JsonWriter writer, TunnelPeer peer)
    {
        writer.WriteString("tunnel", peer.Tunnel);
        writer.WriteString("name", peer.Name);
        writer.WriteString("publicKey", peer.PublicKey);
        writer.WriteString("state", Words.Of(peer.State));
        writer.WriteText("endpoint", peer.Endpoint);
        writer.WriteTime("lastHandshake", TimeText.Of(peer.LastHandshake));
        writer.WriteTime("lastHeard", TimeText.Of(peer.LastHeard));
        writer.WriteKnown("pathMtu", peer.PathMtu);
        writer.WriteKnown("packetMtu", peer.PacketMtu);
        writer.WriteTime("since", TimeText.Of(peer.Since));
        writer.WriteTime("invitedUntil", TimeText.Of(peer.InvitedUntil));
        WriteTexts(writer, "allowedIPs", peer.AllowedIps);
        WriteTexts(writer, "usedAddresses", peer.UsedAddresses);
        if (peer.AllowedPorts.Count > 0)
        {
            TunnelJson.WritePorts(writer, "allowedPorts", peer.AllowedPorts);
        }
        else
        {
            writer.WriteNull("allowedPorts");
        }

        writer.WriteNumber("persistentKeepalive", peer.PersistentKeepalive);
        writer.WriteBoolean("presharedKey", peer.HasPresharedKey);
        if (peer.RoundTrip is { } roundTrip)
        {
            writer.WriteNumber("roundTrip", TimeText.Length(roundTrip).TotalSeconds);
        }
        else
        {
            writer.WriteNull("roundTrip");
        }

        WriteCounters(writer, peer.Counters ?? new PeerCounters());
    }

    private static void WriteTexts(Utf8JsonWriter writer, string name, IEnumerable<string> texts)
    {
        writer.WriteStartArray(name);
        foreach (var text in texts)
        {
            writer.WriteStringValue(text);
        }

        writer.WriteEndArray();
    }

    private static void WriteCounters(Utf8JsonWriter writer, PeerCounters counters)
    {
        writer.WriteStartObject("counters");
        writer.WriteNumber("packetsOut", counters.PacketsOut);
        writer.WriteNumber("bytesOut", counters.BytesOut);
        writer.WriteNumber("packetsIn", counters.PacketsIn);
        writer.WriteNumber("bytesIn", counters.BytesIn);
        writer.WriteNumber("wireBytesOut", counters.WireBytesOut);
        writer.WriteNumber("wireBytesIn", counters.WireBytesIn);
        writer.WriteNumber("handshakes", counters.Handshakes);
        writer.WriteNumber("handshakesFailed", counters.HandshakesFailed);
        writer.WriteNumber("keepalivesOut", counters.KeepalivesOut);
        writer.WriteNumber("keepalivesIn", counters.KeepalivesIn);
        writer.WriteNumber("endpointMoves", counters.EndpointMoves);
        writer.WriteNumber("waitingPackets", counters.WaitingPackets);
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
}
