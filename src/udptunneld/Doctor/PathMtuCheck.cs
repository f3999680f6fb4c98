// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Config;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Doctor;

/// <summary>
/// Whether a tunnel's largest datagrams fit the path to the peer. A tunnel that is used knows what the path carries
/// (Tunnel/PathMtuDiscovery). What it does not know yet routers may: one datagram of that size with "do not fragment"
/// goes to the peer's address, and the kernel keeps what they answer. It goes to the port of traceroute, so that the
/// tunnel at the other end neither sees nor counts it.
/// </summary>
internal sealed class PathMtuCheck : ICheck
{
    private const int MostTunnels = 64;

    private const int UdpHeader = 8;
    private const int TraceroutePort = 33434;

    // include/uapi/linux/in.h and in6.h
    private const int IPPROTO_IP = 0;
    private const int IP_MTU_DISCOVER = 10;
    private const int IP_MTU = 14;
    private const int IPPROTO_IPV6 = 41;
    private const int IPV6_MTU_DISCOVER = 23;
    private const int IPV6_MTU = 24;
    private const int IP_PMTUDISC_DO = 2;

    /// <summary>For the answer of a router.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(400);

    /// <inheritdoc/>
    public string Id => "path_mtu";

    /// <inheritdoc/>
    public IEnumerable<Finding> Run(Patient patient)
    {
        var tunnels = patient
            .Tunnels.Select(t => (Tunnel: t, Peer: NarrowestOf(t)))
            .Where(t => t.Peer is not null)
            .ToList();
        var paths = tunnels
            .Take(MostTunnels)
            .Select(t => (t.Tunnel, Peer: t.Peer!, Socket: Connected(IPEndPoint.Parse(t.Peer!.Endpoint).Address)))
            .ToList();
        try
        {
            foreach (var (tunnel, _, socket) in paths)
            {
                Probe(socket, tunnel.Mtu + Resources.OverheadOf(tunnel.Config));
            }

            if (paths.Count > 0)
            {
                Thread.Sleep(Patience);
            }

            return
            [
                .. paths.Select(p => FindingOf(p.Tunnel, p.Peer, p.Socket)),
                .. tunnels.Count > MostTunnels
                    ?
                    [
                        new Finding(
                            Id,
                            CheckResult.Skipped,
                            $"{tunnels.Count - MostTunnels} more tunnels: examine them one by one"
                        ),
                    ]
                    : Array.Empty<Finding>(),
            ];
        }
        finally
        {
            paths.ForEach(p => p.Socket?.Dispose());
        }
    }

    /// <summary>The peer whose path is known to carry least; the first whose endpoint is known, if none is.</summary>
    private static PeerStatus? NarrowestOf(TunnelStatus tunnel) =>
        tunnel
            .Peers.Where(p => IPEndPoint.TryParse(p.Endpoint, out _))
            .OrderBy(p => p.PathMtu > 0 ? p.PathMtu : int.MaxValue)
            .FirstOrDefault();

    private static Socket? Connected(IPAddress address)
    {
        var ip = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        var socket = new Socket(ip.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            var (level, option) = IsIPv6(socket) ? (IPPROTO_IPV6, IPV6_MTU_DISCOVER) : (IPPROTO_IP, IP_MTU_DISCOVER);
            socket.SetRawSocketOption(level, option, BitConverter.GetBytes(IP_PMTUDISC_DO));
            socket.Connect(new IPEndPoint(ip, TraceroutePort));
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null;
        }
    }

    private static void Probe(Socket? socket, int length)
    {
        try
        {
            socket?.Send(new byte[Math.Min(length, ushort.MaxValue - UdpHeader - 40)]);
        }
        catch (SocketException)
        {
            // Too long for what the kernel knows already, or refused by a firewall: what it knows is read next.
        }
    }

    private Finding FindingOf(TunnelStatus tunnel, PeerStatus peer, Socket? socket)
    {
        var name = tunnel.Config.Name;
        if (socket is null)
        {
            return new Finding(
                Id,
                CheckResult.Failure,
                $"there is no way to {peer.Endpoint}",
                $"ip route get {IPEndPoint.Parse(peer.Endpoint).Address}",
                name
            );
        }

        var headers = Resources.OverheadOf(tunnel.Config) + UdpHeader + (IsIPv6(socket) ? 40 : 20);
        var needed = tunnel.Mtu + headers;
        Span<byte> value = stackalloc byte[sizeof(int)];
        _ = IsIPv6(socket)
            ? socket.GetRawSocketOption(IPPROTO_IPV6, IPV6_MTU, value)
            : socket.GetRawSocketOption(IPPROTO_IP, IP_MTU, value);
        var told = BitConverter.ToInt32(value);
        var isKnown = peer.PathMtu > 0;
        if (told >= needed && (!isKnown || peer.PathMtu >= needed))
        {
            return new Finding(
                Id,
                CheckResult.Ok,
                isKnown
                    ? $"datagrams of {needed} bytes pass in one piece"
                    : $"datagrams of {needed} bytes fit the path, as far as routers tell ({told})",
                Subject: name
            );
        }

        var path = isKnown ? Math.Min(told, peer.PathMtu) : told;

        var fitting = path - headers;
        return new Finding(
            Id,
            CheckResult.Warning,
            $"datagrams have up to {needed} bytes and the path to {peer.Endpoint} carries {path}: "
                + "longer ones are cut, or refused with an ICMP error, which is slower",
            tunnel.Config.Mtu == TunnelConfig.AutoMtu ? ""
                : fitting >= tunnel.Config.LeastMtu ? $"\"Mtu\": {fitting} at both ends, or \"Mtu\": \"auto\""
                : "\"Mtu\": \"auto\"",
            name
        );
    }

    private static bool IsIPv6(Socket socket) => socket.AddressFamily == AddressFamily.InterNetworkV6;
}
