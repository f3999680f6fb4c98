using System.Net;
using UdpTunnel.Events;
using UdpTunnel.Linux;
using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>
/// Whether the route to a peer leads into the tunnel itself, whose datagrams would become its packets again and again.
/// Asked by the tick; packets that are
/// such datagrams are dropped by <see cref="Outbound"/> before that.
/// </summary>
/// <param name="name">The tunnel.</param>
/// <param name="events">Where it is reported.</param>
internal sealed class RouteLoop(string name, EventLog events)
{
    private const long IntervalMilliseconds = 5000;

    private volatile string _problem = "";
    private IPEndPoint? _peer;
    private long _drops;
    private long _next;

    /// <summary>What is wrong and which command puts it right; empty if nothing is. For any thread.</summary>
    public string Problem => _problem;

    /// <summary>Says what is wrong with the route to an address; empty if nothing is.</summary>
    /// <param name="peer">The peer's address.</param>
    /// <param name="device">Name of the tunnel's device.</param>
    /// <exception cref="LinuxException">The kernel does not answer.</exception>
    public static string ProblemWith(IPAddress peer, string device)
    {
        if (RouteSocket.FindRoute(peer) is not { IsLocal: false } route || LinkName.Of(route.Link) != device)
        {
            return "";
        }

        var gateway = RouteSocket.ListRoutes().FirstOrDefault(r => r.PrefixLength == 0 && r.Gateway is not null && r.Link != route.Link);
        var way = gateway.Gateway is { } address ? $"via {PacketTrace.ToAddress(Filter.Flow.Mapped(address))}" : "via GATEWAY";
        var by = gateway.Link is { } link ? $" dev {LinkName.Of(link)}" : " dev DEVICE";
        var family = peer.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? " -6" : "";
        return $"the route to the peer {peer} leads into the tunnel itself, by its device {device}: "
            + $"`sudo ip{family} route add {peer} {way}{by}` gives it a way of its own";
    }

    /// <summary>Looks every few seconds; at once when the peer is another one or packets were dropped for it.</summary>
    /// <param name="now">Milliseconds of the monotonic clock.</param>
    /// <param name="peer">Where the peer is; null if that is not known.</param>
    /// <param name="device">Name of the tunnel's device.</param>
    /// <param name="drops">Packets that were dropped as the tunnel's own datagrams.</param>
    public void Look(long now, IPEndPoint? peer, string device, long drops)
    {
        if (now < _next && drops == _drops && Equals(peer, _peer))
        {
            return;
        }

        _next = now + IntervalMilliseconds;
        _drops = drops;
        _peer = peer;
        try
        {
            var problem = peer is null ? "" : ProblemWith(peer.Address, device);
            if (problem.Length > 0 && _problem.Length == 0)
            {
                events.Add(EventKind.SendingFailed, EventLevel.Warning, name, problem);
            }

            _problem = problem;
        }
        catch (LinuxException)
        {
            // Asked again in a moment.
        }
    }

    /// <summary>Whether a packet from the device is a datagram of this tunnel to its peer.</summary>
    /// <param name="packet">A packet of UDP without a fault, not a later fragment.</param>
    /// <param name="peer">Where the peer is.</param>
    public static bool IsOwnDatagram(in PacketView packet, in Endpoint peer) =>
        peer.AddressBits == (packet.DestinationHigh, packet.DestinationLow)
        && (ushort)peer.OtherBits == NetworkOrder.Swap((ushort)packet.Ports);
}
