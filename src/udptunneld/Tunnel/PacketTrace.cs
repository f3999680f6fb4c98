// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using UdpTunnel.Config;
using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>What one part of the way finds out about a packet.</summary>
/// <param name="Part">What looks at it: route, addresses, ports, flows, peer.</param>
/// <param name="Message">What it finds, for a person.</param>
internal sealed record TraceStep(string Part, string Message);

/// <summary>
/// What would become of a packet now, and why: the routes of this host, the filter and the peer are asked, and nothing
/// is sent or remembered.
/// </summary>
/// <param name="Direction">Where it would go; null if it has nothing to do with the tunnel.</param>
/// <param name="Drop">Why it would not pass; None if it would.</param>
/// <param name="Steps">What happens to it, in order.</param>
internal sealed record PacketTrace(Direction? Direction, DropReason Drop, IReadOnlyList<TraceStep> Steps)
{
    /// <summary>Traces a packet.</summary>
    /// <param name="status">The tunnel.</param>
    /// <param name="filter">Its filter.</param>
    /// <param name="own">The addresses of this host.</param>
    /// <param name="flow">Protocol, source and destination of the packet.</param>
    /// <exception cref="IOException">The kernel does not tell a route.</exception>
    public static PacketTrace Of(TunnelStatus status, PortFilter filter, HostAddresses own, Flow flow)
    {
        var steps = new List<TraceStep>();
        var direction = DirectionOf(status, flow, steps);
        if (direction is not { } known)
        {
            return new PacketTrace(null, DropReason.None, steps);
        }

        var peer = PeerOf(status, known, flow, steps, out var drop);
        if (drop == DropReason.None && known == Packets.Direction.In)
        {
            drop = CheckAddresses(status.Config, own, flow, steps);
        }

        if (drop == DropReason.None)
        {
            drop = CheckPorts(filter, peer, known, flow, steps);
        }

        if (drop == DropReason.None && known == Packets.Direction.Out)
        {
            drop = FindPeer(status, peer, steps);
        }

        return new PacketTrace(direction, drop, steps);
    }

    /// <summary>An address in words.</summary>
    public static IPAddress ToAddress(UInt128 bits)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, bits);
        var address = new IPAddress(bytes);
        return address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
    }

    private static Direction? DirectionOf(TunnelStatus status, Flow flow, List<TraceStep> steps)
    {
        var destination = ToAddress(flow.DestinationAddress);
        var source = ToAddress(flow.SourceAddress);
        var there = RouteSocket.FindRoute(destination);
        var back = RouteSocket.FindRoute(source);
        if (there is { IsLocal: false } && LinkName.Of(there.Link) == status.Device)
        {
            steps.Add(new TraceStep("route", $"{destination} is reached by {status.Device}: it goes out"));
            return Packets.Direction.Out;
        }

        var way =
            there is null ? $"{destination} is not reached from this host"
            : there.IsLocal ? $"{destination} is an address of this host"
            : $"{destination} is reached by {LinkName.Of(there.Link)}";
        if (back is { IsLocal: false } && LinkName.Of(back.Link) == status.Device)
        {
            steps.Add(new TraceStep("route", $"{way}, and {source} by {status.Device}: it comes in"));
            return Packets.Direction.In;
        }

        steps.Add(
            new TraceStep(
                "route",
                $"{way}, not by {status.Device}: it has nothing to do with this tunnel (`ip route get {destination}`)"
            )
        );
        return null;
    }

    /// <summary>
    /// The peer that it goes to or comes from: of a secure tunnel the one with the longest prefix that holds the
    /// address.
    /// </summary>
    private static PeerStatus PeerOf(
        TunnelStatus status,
        Direction direction,
        Flow flow,
        List<TraceStep> steps,
        out DropReason drop
    )
    {
        drop = DropReason.None;
        if (status.Config.Protocol != TunnelProtocol.WireGuard)
        {
            return status.Peers is [var only, ..] ? only : new PeerStatus();
        }

        var address = ToAddress(direction == Packets.Direction.Out ? flow.DestinationAddress : flow.SourceAddress);
        var whole = IpPrefix.Of(address, address.AddressFamily == AddressFamily.InterNetworkV6 ? 128 : 32);
        var holders =
            from peer in status.Config.Peers
            from prefix in peer.AllowedIPs
            where prefix.Contains(whole)
            orderby prefix.Length descending
            select (Prefix: prefix, Key: peer.PublicKey.ToString());
        var (holder, key) = holders.FirstOrDefault();
        if (status.Peers.FirstOrDefault(peer => peer.PublicKey == key) is { } found)
        {
            steps.Add(new TraceStep("peers", $"{address} is among the AllowedIPs of the peer {found.Name} ({holder})"));
            return found;
        }

        steps.Add(new TraceStep("peers", $"{address} is not among the AllowedIPs of any peer"));
        drop = direction == Packets.Direction.Out ? DropReason.NoRoute : DropReason.WrongSource;
        return new PeerStatus();
    }

    private static unsafe DropReason CheckAddresses(
        TunnelConfig config,
        HostAddresses own,
        Flow flow,
        List<TraceStep> steps
    )
    {
        var source = ToAddress(flow.SourceAddress);
        var destination = ToAddress(flow.DestinationAddress);
        var isV6 = source.AddressFamily == AddressFamily.InterNetworkV6;

        // Rules of its own, because those of the tunnel are the worker's.
        var headerLength = isV6 ? Ipv6Header.Length : Ipv4Header.MinLength;
        var packet = stackalloc byte[Ipv6Header.Length + UdpHeader.Size];
        NetworkOrder.WriteUInt16(packet + headerLength + UdpHeader.Length, UdpHeader.Size);
        if (isV6)
        {
            packet[0] = 0x60;
            packet[Ipv6Header.NextHeader] = Ipv4Header.Udp;
            NetworkOrder.WriteUInt16(packet + Ipv6Header.PayloadLength, UdpHeader.Size);
            _ = source.TryWriteBytes(new Span<byte>(packet + Ipv6Header.Source, 16), out _);
            _ = destination.TryWriteBytes(new Span<byte>(packet + Ipv6Header.Destination, 16), out _);
        }
        else
        {
            packet[0] = Ipv4Header.VersionAndMinLength;
            packet[Ipv4Header.Protocol] = Ipv4Header.Udp;
            NetworkOrder.WriteUInt16(packet + Ipv4Header.TotalLength, (ushort)(headerLength + UdpHeader.Size));
            NetworkOrder.WriteUInt32(packet + Ipv4Header.Source, (uint)flow.SourceAddress);
            NetworkOrder.WriteUInt32(packet + Ipv4Header.Destination, (uint)flow.DestinationAddress);
        }

        var rules = new AddressRules(own, config.AllowedSources, config.AllowedDestinations);
        var drop = rules.Check(PacketView.Parse(packet, headerLength + UdpHeader.Size));
        steps.Add(
            new TraceStep(
                "addresses",
                drop switch
                {
                    DropReason.SourceAddress =>
                        $"{source} is no address that a peer may have: this host's own, or not among AllowedSources",
                    DropReason.DestinationAddress => $"{destination} is not among AllowedDestinations",
                    _ => $"a packet from the peer may have {source} and {destination}",
                }
            )
        );
        return drop;
    }

    private static DropReason CheckPorts(
        PortFilter filter,
        PeerStatus peer,
        Direction direction,
        Flow flow,
        List<TraceStep> steps
    )
    {
        var ports = peer.AllowedPorts ?? filter.Ports;
        var (source, destination) = (flow.SourcePort, flow.DestinationPort);
        if (ports.Contains(destination))
        {
            steps.Add(new TraceStep("ports", $"port {destination} is allowed: it passes, and answers to it will"));
            return DropReason.None;
        }

        if (!ports.Contains(source))
        {
            steps.Add(new TraceStep("ports", $"neither port {destination} nor port {source} is allowed"));
            return DropReason.Port;
        }

        steps.Add(
            new TraceStep("ports", $"port {source} is allowed, port {destination} is not: it passes only as an answer")
        );
        var opener = direction == Packets.Direction.Out ? Packets.Direction.In : Packets.Direction.Out;
        var asked = new Flow(flow.Protocol, flow.DestinationAddress, flow.SourceAddress, destination, source);
        foreach (var known in filter.Flows((uint)(Environment.TickCount64 / 1000)))
        {
            if (known.OpenedBy == opener && known.Peer == peer.Number && known.Flow == asked)
            {
                steps.Add(
                    new TraceStep(
                        "flows",
                        $"a flow is remembered that it answers, {known.State}, last used {known.Age} s ago"
                    )
                );
                return DropReason.None;
            }
        }

        steps.Add(new TraceStep("flows", "no flow is remembered that it answers"));
        return DropReason.NoFlow;
    }

    private static DropReason FindPeer(TunnelStatus status, PeerStatus to, List<TraceStep> steps)
    {
        if (!IPEndPoint.TryParse(to.Endpoint, out var peer))
        {
            steps.Add(new TraceStep("peer", "nobody is known to send it to yet"));
            return DropReason.NoPeer;
        }

        var route = RouteSocket.FindRoute(peer.Address, TunnelRoutes.MarkOf(status.Config));
        var link = route is null ? null : LinkName.Of(route.Link);
        if (link == status.Device)
        {
            steps.Add(
                new TraceStep(
                    "peer",
                    $"it goes to {peer}, which is reached through this tunnel itself: it would feed itself"
                )
            );
            return DropReason.RoutingLoop;
        }

        steps.Add(
            new TraceStep(
                "peer",
                route is null
                    ? $"it goes to {peer}, which is not reached from this host at the moment"
                    : $"it goes to {peer}, by {link}"
            )
        );
        return DropReason.None;
    }
}
