// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Events;
using UdpTunnel.Linux;
using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>
/// Whether the route to one of its peers leads into the tunnel itself, whose datagrams would become its packets again
/// and again. Asked by the tick; packets that are such datagrams are dropped by <see cref="Outbound"/> before that.
/// </summary>
/// <param name="name">The tunnel.</param>
/// <param name="events">Where it is reported.</param>
internal sealed class RouteLoop(string name, EventLog events)
{
    private const long IntervalMilliseconds = 5000;

    // Peers whose routes are asked for in one turn: each costs some system calls.
    private const int MostAtOnce = 64;

    private volatile string _problem = "";
    private IReadOnlyList<Peer> _peers = [];
    private Peer.Address? _single;
    private Peer? _looping;
    private int _turn;
    private long _drops;
    private long _next;

    /// <summary>What is wrong and which command puts it right; empty if nothing is. For any thread.</summary>
    public string Problem => _problem;

    /// <summary>Says what is wrong with the route to an address; empty if nothing is.</summary>
    /// <param name="peer">The peer's address.</param>
    /// <param name="mark">Mark of the tunnel's socket; 0 for none.</param>
    /// <param name="device">Name of the tunnel's device.</param>
    /// <exception cref="LinuxException">The kernel does not answer.</exception>
    public static string ProblemWith(IPAddress peer, uint mark, string device)
    {
        if (RouteSocket.FindRoute(peer, mark) is not { IsLocal: false } route || LinkName.Of(route.Link) != device)
        {
            return "";
        }

        var gateway = RouteSocket
            .ListRoutes()
            .FirstOrDefault(r => r.PrefixLength == 0 && r.Gateway is not null && r.Link != route.Link);
        var way = gateway.Gateway is { } address
            ? $"via {PacketTrace.ToAddress(Filter.Flow.Mapped(address))}"
            : "via GATEWAY";
        var by = gateway.Link is { } link ? $" dev {LinkName.Of(link)}" : " dev DEVICE";
        var family = peer.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? " -6" : "";
        return $"the route to the peer {peer} leads into the tunnel itself, by its device {device}: "
            + $"`sudo ip{family} route add {peer} {way}{by}` gives it a way of its own";
    }

    /// <summary>
    /// Looks every few seconds, of many peers at some each time; at once when there are other peers, when the only one
    /// is elsewhere, or when packets were dropped for it.
    /// </summary>
    /// <param name="now">Milliseconds of the monotonic clock.</param>
    /// <param name="peers">The peers: a list that never changes.</param>
    /// <param name="mark">Mark of the tunnel's socket; 0 for none.</param>
    /// <param name="device">Name of the tunnel's device.</param>
    /// <param name="drops">Packets that were dropped as the tunnel's own datagrams.</param>
    public void Look(long now, IReadOnlyList<Peer> peers, uint mark, string device, long drops)
    {
        var single = peers.Count == 1 ? peers[0].Current : null;
        if (now < _next && drops == _drops && ReferenceEquals(peers, _peers) && ReferenceEquals(single, _single))
        {
            return;
        }

        _next = now + IntervalMilliseconds;
        _drops = drops;
        _peers = peers;
        _single = single;
        try
        {
            var problem = Find(peers, mark, device);
            if (problem.Length > 0 && _problem.Length == 0)
            {
                events.Add(
                    EventKind.SendingFailed,
                    EventLevel.Warning,
                    name,
                    problem,
                    new EventFacts { Problem = problem }
                );
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

    private string Find(IReadOnlyList<Peer> peers, uint mark, string device)
    {
        // Asked first, so that a loop among many peers is not forgotten before it ends.
        if (_looping is { } known && peers.Contains(known) && ProblemOf(known) is { Length: > 0 } same)
        {
            return same;
        }

        _looping = null;
        for (var i = 0; i < Math.Min(peers.Count, MostAtOnce); i++)
        {
            _turn = (_turn + 1) % peers.Count;
            if (ProblemOf(peers[_turn]) is { Length: > 0 } problem)
            {
                _looping = peers[_turn];
                return problem;
            }
        }

        return "";

        string ProblemOf(Peer peer) =>
            peer.Current is { } address ? ProblemWith(address.Endpoint.ToIPEndPoint().Address, mark, device) : "";
    }
}
