// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Json;

namespace UdpTunnel.Tests.Harness;

/// <summary>A tunnel as <c>status --json</c> tells it.</summary>
internal sealed class TunnelStatus(JsonElement json)
{
    /// <summary>For example <c>running</c>.</summary>
    public string State => json.GetProperty("state").GetString()!;

    /// <summary>Why it does not run, or null.</summary>
    public string? Problem => json.GetProperty("problem").GetString();

    /// <summary>How the route to the peer leads into the tunnel itself, or null.</summary>
    public string? Loop => json.TryGetProperty("loop", out var loop) ? loop.GetString() : null;

    /// <summary>What does not fit, in one text.</summary>
    public string Remarks =>
        string.Join("; ", json.GetProperty("remarks").EnumerateArray().Select(remark => remark.GetString()));

    /// <summary>Name of the TUN device.</summary>
    public string Device => json.GetProperty("device").GetString()!;

    /// <summary>UDP port of this end.</summary>
    public int LocalPort => json.GetProperty("localPort").GetInt32();

    /// <summary>The other end, or null.</summary>
    public string? Peer => json.GetProperty("peer").GetProperty("endpoint").GetString();

    /// <summary>MTU of the device, and what it comes from.</summary>
    public (int Mtu, string Source) Mtu =>
        (json.GetProperty("mtu").GetInt32(), json.GetProperty("mtuSource").GetString()!);

    /// <summary>
    /// Bytes of an IP packet that the path to the peer carries, and of an inner packet; 0 if that is not known.
    /// </summary>
    public (int Path, int Packet) PathMtu
    {
        get
        {
            var peers = json.GetProperty("peers");
            var peer = peers.GetArrayLength() > 0 ? peers[0] : json.GetProperty("peer");
            return (Number(peer.GetProperty("pathMtu")), Number(peer.GetProperty("packetMtu")));

            static int Number(JsonElement value) => value.ValueKind == JsonValueKind.Null ? 0 : value.GetInt32();
        }
    }

    /// <summary>Packets of the last seconds, in both directions.</summary>
    public double PacketRate =>
        json.GetProperty("rates").GetProperty("packetsOutPerSecond").GetDouble()
        + json.GetProperty("rates").GetProperty("packetsInPerSecond").GetDouble();

    private JsonElement Counters => json.GetProperty("counters");

    /// <summary>The drops of all reasons and directions.</summary>
    public long AllDrops =>
        Counters.GetProperty("drops").EnumerateArray().Sum(d => d.GetProperty("packets").GetInt64());

    /// <summary>All drops but those of packets whose sender was told that they are too long for the path.</summary>
    public long UnexpectedDrops => AllDrops - Drops("fragmentation_needed", "out");

    /// <summary>A counter by its name.</summary>
    public long Counter(string name) => Counters.GetProperty(name).GetInt64();

    /// <summary>Whether an offload is in use.</summary>
    public bool Offload(string name) => json.GetProperty("offloads").GetProperty(name).GetBoolean();

    /// <summary>What was dropped for a reason.</summary>
    /// <param name="reason">For example <c>no_flow</c>.</param>
    /// <param name="direction"><c>in</c> or <c>out</c>.</param>
    public long Drops(string reason, string direction) =>
        Counters
            .GetProperty("drops")
            .EnumerateArray()
            .Where(d =>
                d.GetProperty("reason").GetString() == reason && d.GetProperty("direction").GetString() == direction
            )
            .Sum(d => d.GetProperty("packets").GetInt64());

    /// <inheritdoc/>
    public override string ToString() => json.GetRawText();
}
