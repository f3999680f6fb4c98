// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using UdpTunnel.Config;
using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Packets;

namespace UdpTunnel.State;

/// <summary>
/// A <see cref="Session"/> as text. Pure; a line that cannot be read is left out, since what it knew is only worth a
/// retransmission.
/// <code>
///  udptunnel-session 1 1764000000          format, seconds since 1970
///  peer 192.0.2.7:40112
///  flow in tcp 10.0.0.2:40000 10.0.0.1:22 12     opened by, protocol, source, destination, age in seconds
///  secure-peer 3 KEY [2001:db8::7]:51820 up 4611686020163872411.0 4611686020163872402.16777216
///                                          number, key, endpoint or -, up or idle, timestamps received and sent
///  flow in udp [fd00::2]:5353 [fd00::1]:53 0 3   the same with the number of the peer
///  flow in tcp 10.0.0.2:40000 10.0.0.1:22 1 opening
///                                          with its state, where it is neither established (TCP) nor answered (UDP)
///  route 10.77.0.0/24 10.88.0.1 254 0 -    network, gateway or -, table, metric, address to send from or -
/// </code>
/// </summary>
internal static class SessionText
{
    private const string Header = "udptunnel-session 1";

    private static readonly (FlowState State, string Word)[] StateWords =
    [
        (FlowState.Closed, "closed"),
        (FlowState.Unanswered, "unanswered"),
        (FlowState.Opening, "opening"),
        (FlowState.Answering, "answering"),
        (FlowState.FinishedByOpener, "finished"),
        (FlowState.FinishedByAnswerer, "finished-there"),
    ];

    /// <summary>Writes a session.</summary>
    public static string Write(Session session)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Header} {session.Saved.ToUnixTimeSeconds()}\n");
        if (session.Peer is { } peer)
        {
            text.Append(CultureInfo.InvariantCulture, $"peer {peer}\n");
        }

        foreach (var known in session.Peers)
        {
            var endpoint = known.Endpoint?.ToString() ?? "-";
            text.Append(CultureInfo.InvariantCulture, $"secure-peer {known.Number} {known.Key} {endpoint} ")
                .Append(known.IsConnected ? "up " : "idle ")
                .Append(CultureInfo.InvariantCulture, $"{known.Received.Seconds}.{known.Received.Nanoseconds} ")
                .Append(CultureInfo.InvariantCulture, $"{known.Sent.Seconds}.{known.Sent.Nanoseconds}\n");
        }

        foreach (var route in session.Routes)
        {
            var (gateway, source) = (route.Gateway?.ToString() ?? "-", route.Source?.ToString() ?? "-");
            text.Append(
                CultureInfo.InvariantCulture,
                $"route {route.Network} {gateway} {route.Table} {route.Metric} {source}\n"
            );
        }

        foreach (var remembered in session.Flows)
        {
            var flow = remembered.Flow;
            text.Append(remembered.OpenedBy == Direction.In ? "flow in " : "flow out ")
                .Append(flow.Protocol == 6 ? "tcp " : "udp ")
                .Append(Address(flow.SourceAddress, flow.SourcePort))
                .Append(' ')
                .Append(Address(flow.DestinationAddress, flow.DestinationPort))
                .Append(CultureInfo.InvariantCulture, $" {remembered.Age}");
            if (remembered.Peer != 0)
            {
                text.Append(CultureInfo.InvariantCulture, $" {remembered.Peer}");
            }

            if (remembered.State is not (FlowState.Established or FlowState.Answered))
            {
                text.Append(' ').Append(Array.Find(StateWords, w => w.State == remembered.State).Word);
            }

            text.Append('\n');
        }

        return text.ToString();
    }

    /// <summary>Reads a session.</summary>
    /// <returns>Null if it is none, or of another format.</returns>
    public static Session? Read(string text)
    {
        var lines = text.Split('\n');
        var header = lines[0].Split(' ');
        if (
            !lines[0].StartsWith(Header + " ", StringComparison.Ordinal)
            || header.Length != 3
            || !TryRead(header[2], out uint saved)
        )
        {
            return null;
        }

        IPEndPoint? peer = null;
        var peers = new List<SavedPeer>();
        var flows = new List<RememberedFlow>();
        var routes = new List<DeviceRoute>();
        foreach (var line in lines.Skip(1))
        {
            var words = line.Split(' ');
            if (words is ["peer", var endpoint] && TryReadEndpoint(endpoint, out var parsed))
            {
                peer = parsed;
            }
            else if (ReadPeer(words) is { } known)
            {
                peers.Add(known);
            }
            else if (ReadRoute(words) is { } route)
            {
                routes.Add(route);
            }
            else if (ReadFlow(words) is { } flow)
            {
                flows.Add(flow);
            }
        }

        return new Session(DateTimeOffset.FromUnixTimeSeconds(saved), peer, flows) { Peers = peers, Routes = routes };
    }

    private static SavedPeer? ReadPeer(string[] words)
    {
        IPEndPoint? endpoint = null;
        if (
            words is not ["secure-peer", var number, var key, var place, "up" or "idle", var received, var sent]
            || !TryRead(number, out ushort parsedNumber)
            || !(place == "-" || TryReadEndpoint(place, out endpoint))
            || !TryRead(received, out SavedMoment lastReceived)
            || !TryRead(sent, out SavedMoment lastSent)
        )
        {
            return null;
        }

        return new SavedPeer(parsedNumber, key, endpoint, words[4] == "up", lastReceived, lastSent);
    }

    private static DeviceRoute? ReadRoute(string[] words)
    {
        return
            words is ["route", var networkText, var gatewayText, var tableText, var metricText, var sourceText]
            && IpPrefix.TryParse(networkText, out var network, out _, out _)
            && TryRead(gatewayText, network.IsV6, out var gateway)
            && TryRead(tableText, out uint table)
            && TryRead(metricText, out uint metric)
            && TryRead(sourceText, network.IsV6, out var source)
            ? new DeviceRoute(network, gateway, table, metric, source)
            : null;
    }

    /// <summary>Reads an address of a family; "-" is none.</summary>
    private static bool TryRead(string text, bool isV6, out IPAddress? address)
    {
        address = null;
        return text == "-"
            || (
                IPAddress.TryParse(text, out address)
                && address.AddressFamily == (isV6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork)
            );
    }

    private static RememberedFlow? ReadFlow(string[] words)
    {
        ushort peer = 0;
        var state = FlowState.None;
        if (
            words is not ["flow", "in" or "out", "tcp" or "udp", var source, var destination, var ageText, .. var rest]
            || !TryRead(source, out var sourceAddress, out var sourcePort)
            || !TryRead(destination, out var destinationAddress, out var destinationPort)
            || !TryRead(ageText, out uint age)
            || age >= FlowLifetimes.Longest
            || IsV4(sourceAddress) != IsV4(destinationAddress)
            || !(rest is [] || TryRead(rest[0], out peer) || TryRead(rest[0], out state))
            || !(rest is [] or [_] || (rest is [_, var word] && state == FlowState.None && TryRead(word, out state)))
        )
        {
            return null;
        }

        var protocol = (byte)(words[2] == "tcp" ? 6 : 17);
        var flow = new Flow(protocol, sourceAddress, destinationAddress, sourcePort, destinationPort);
        var remembered = new RememberedFlow(flow, words[1] == "in" ? Direction.In : Direction.Out, age) { Peer = peer };
        return state == FlowState.None ? remembered : remembered with { State = state };
    }

    private static bool TryRead(string text, out FlowState state)
    {
        state = Array.Find(StateWords, w => w.Word == text).State;
        return state != FlowState.None;
    }

    private static bool IsV4(UInt128 address) => address >> 32 == 0xFFFF;

    private static string Address(UInt128 address, ushort port)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, address);
        var ip = new IPAddress(bytes);
        return new IPEndPoint(ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip, port).ToString();
    }

    private static bool TryRead(string text, out UInt128 address, out ushort port)
    {
        address = 0;
        port = 0;
        if (!IPEndPoint.TryParse(text, out var endpoint))
        {
            return false;
        }

        address = BinaryPrimitives.ReadUInt128BigEndian(endpoint.Address.MapToIPv6().GetAddressBytes());
        port = (ushort)endpoint.Port;
        return true;
    }

    private static bool TryReadEndpoint(string text, out IPEndPoint? endpoint) =>
        IPEndPoint.TryParse(text, out endpoint) && endpoint.Port > 0;

    private static bool TryRead(string text, out SavedMoment moment)
    {
        moment = default;
        if (
            text.Split('.') is not [var first, var second]
            || !TryRead(first, out ulong seconds)
            || !TryRead(second, out uint nanoseconds)
        )
        {
            return false;
        }

        moment = new SavedMoment(seconds, nanoseconds);
        return true;
    }

    private static bool TryRead<T>(string text, out T number)
        where T : struct, System.Numerics.INumber<T> =>
        T.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
