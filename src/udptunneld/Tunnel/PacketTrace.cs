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

/// <summary>What would become of a packet now, and why: the routes of this host, the filter and the peer are asked, and
/// nothing is sent or remembered.</summary>
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

        var drop = known == Packets.Direction.In ? CheckAddresses(status.Config, own, flow, steps) : DropReason.None;
        if (drop == DropReason.None)
        {
            drop = CheckPorts(filter, known, flow, steps);
        }

        if (drop == DropReason.None && known == Packets.Direction.Out)
        {
            drop = FindPeer(status, steps);
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

        var way = there is null ? $"{destination} is not reached from this host"
            : there.IsLocal ? $"{destination} is an address of this host"
            : $"{destination} is reached by {LinkName.Of(there.Link)}";
        if (back is { IsLocal: false } && LinkName.Of(back.Link) == status.Device)
        {
            steps.Add(new TraceStep("route", $"{way}, and {source} by {status.Device}: it comes in"));
            return Packets.Direction.In;
        }

        steps.Add(new TraceStep("route", $"{way}, not by {status.Device}: it has nothing to do with this tunnel (`ip route get {destination}`)"));
        return null;
    }

    private static unsafe DropReason CheckAddresses(TunnelConfig config, HostAddresses own, Flow flow, List<TraceStep> steps)
    {
        var source = ToAddress(flow.SourceAddress);
        var destination = ToAddress(flow.DestinationAddress);
        if (source.AddressFamily != AddressFamily.InterNetwork)
        {
            return DropReason.None;
        }

        // Rules of its own, because those of the tunnel are the worker's.
        const int Length = Ipv4Header.MinLength + UdpHeader.Size;
        var packet = stackalloc byte[Length];
        packet[0] = Ipv4Header.VersionAndMinLength;
        packet[Ipv4Header.Protocol] = Ipv4Header.Udp;
        NetworkOrder.WriteUInt16(packet + Ipv4Header.TotalLength, Length);
        NetworkOrder.WriteUInt16(packet + Ipv4Header.MinLength + UdpHeader.Length, UdpHeader.Size);
        NetworkOrder.WriteUInt32(packet + Ipv4Header.Source, (uint)flow.SourceAddress);
        NetworkOrder.WriteUInt32(packet + Ipv4Header.Destination, (uint)flow.DestinationAddress);
        var rules = new AddressRules(own, config.AllowedSources, config.AllowedDestinations);
        var drop = rules.Check(PacketView.Parse(packet, Length));
        steps.Add(new TraceStep("addresses", drop switch
        {
            DropReason.SourceAddress => $"{source} is no address that a peer may have: this host's own, or not among AllowedSources",
            DropReason.DestinationAddress => $"{destination} is not among AllowedDestinations",
            _ => $"a packet from the peer may have {source} and {destination}",
        }));
        return drop;
    }

    private static DropReason CheckPorts(PortFilter filter, Direction direction, Flow flow, List<TraceStep> steps)
    {
        var (source, destination) = (flow.SourcePort, flow.DestinationPort);
        if (filter.Ports.Contains(destination))
        {
            steps.Add(new TraceStep("ports", $"port {destination} is allowed: it passes, and answers to it will"));
            return DropReason.None;
        }

        if (!filter.Ports.Contains(source))
        {
            steps.Add(new TraceStep("ports", $"neither port {destination} nor port {source} is allowed"));
            return DropReason.Port;
        }

        steps.Add(new TraceStep("ports", $"port {source} is allowed, port {destination} is not: it passes only as an answer"));
        var opener = direction == Packets.Direction.Out ? Packets.Direction.In : Packets.Direction.Out;
        var asked = new Flow(flow.Protocol, flow.DestinationAddress, flow.SourceAddress, destination, source);
        foreach (var known in filter.Flows((uint)(Environment.TickCount64 / 1000)))
        {
            if (known.OpenedBy == opener && known.Flow == asked)
            {
                steps.Add(new TraceStep("flows", $"a flow is remembered that it answers, {known.State}, last used {known.Age} s ago"));
                return DropReason.None;
            }
        }

        steps.Add(new TraceStep("flows", "no flow is remembered that it answers"));
        return DropReason.NoFlow;
    }

    private static DropReason FindPeer(TunnelStatus status, List<TraceStep> steps)
    {
        if (!IPEndPoint.TryParse(status.Peer, out var peer))
        {
            steps.Add(new TraceStep("peer", "nobody is known to send it to yet"));
            return DropReason.NoPeer;
        }

        var route = RouteSocket.FindRoute(peer.Address);
        var link = route is null ? null : LinkName.Of(route.Link);
        if (link == status.Device)
        {
            steps.Add(new TraceStep("peer", $"it goes to {peer}, which is reached through this tunnel itself: it would feed itself"));
            return DropReason.RoutingLoop;
        }

        steps.Add(new TraceStep("peer", route is null
            ? $"it goes to {peer}, which is not reached from this host at the moment"
            : $"it goes to {peer}, by {link}"));
        return DropReason.None;
    }
}
