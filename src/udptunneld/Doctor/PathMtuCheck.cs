using System.Net;
using System.Net.Sockets;
using UdpTunnel.Config;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Doctor;

/// <summary>
/// Whether a tunnel's largest datagrams fit the path to the peer: one datagram of that size with "do not fragment" goes
/// to the peer's address, and the kernel keeps what routers answer, as it does for the tunnel's own. It goes to the
/// port of traceroute, so that the tunnel at the other end neither sees nor counts it. A router that answers nothing
/// cannot be found out.
/// </summary>
internal sealed class PathMtuCheck : ICheck
{
    private const int MostTunnels = 64;

    /// <summary>The MD5 in front of each packet.</summary>
    private const int Magic = 16;

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
        var tunnels = patient.Tunnels.Where(t => IPEndPoint.TryParse(t.Peer, out _)).ToList();
        var paths = tunnels
            .Take(MostTunnels)
            .Select(t => (Tunnel: t, Socket: Connected(IPEndPoint.Parse(t.Peer).Address)))
            .ToList();
        try
        {
            foreach (var (tunnel, socket) in paths)
            {
                Probe(socket, tunnel.Config.Mtu + Magic);
            }

            if (paths.Count > 0)
            {
                Thread.Sleep(Patience);
            }

            return
            [
                .. paths.Select(p => FindingOf(p.Tunnel, p.Socket)),
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

    private Finding FindingOf(TunnelStatus tunnel, Socket? socket)
    {
        var name = tunnel.Config.Name;
        if (socket is null)
        {
            return new Finding(
                Id,
                CheckResult.Failure,
                $"there is no way to {tunnel.Peer}",
                $"ip route get {IPEndPoint.Parse(tunnel.Peer).Address}",
                name
            );
        }

        var headers = Magic + UdpHeader + (IsIPv6(socket) ? 40 : 20);
        var needed = tunnel.Config.Mtu + headers;
        Span<byte> value = stackalloc byte[sizeof(int)];
        _ = IsIPv6(socket)
            ? socket.GetRawSocketOption(IPPROTO_IPV6, IPV6_MTU, value)
            : socket.GetRawSocketOption(IPPROTO_IP, IP_MTU, value);
        var path = BitConverter.ToInt32(value);
        if (path >= needed)
        {
            return new Finding(
                Id,
                CheckResult.Ok,
                $"datagrams of {needed} bytes fit the path, as far as routers tell ({path})",
                Subject: name
            );
        }

        var fitting = path - headers;
        return new Finding(
            Id,
            CheckResult.Warning,
            $"datagrams have up to {needed} bytes and the path to {tunnel.Peer} carries {path}: they are sent in fragments, which is slow, and some networks drop them",
            fitting >= TunnelConfig.MinMtu
                ? $"\"Mtu\": {fitting} at both ends"
                : $"\"Mtu\": {TunnelConfig.MinMtu} at both ends, the least there is; it is sent in fragments all the same",
            name
        );
    }

    private static bool IsIPv6(Socket socket) => socket.AddressFamily == AddressFamily.InterNetworkV6;
}
