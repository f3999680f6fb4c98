// SPDX-License-Identifier: BSD-3-Clause

using System.Collections.Concurrent;
using UdpTunnel.Config;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.Memory;
using UdpTunnel.Packets;
using UdpTunnel.WireGuard;

namespace UdpTunnel.Tunnel;

/// <summary>
/// What a tunnel takes from the kernel, opened in an order that never leaves the device unguarded, and named faults
/// when refused.
/// </summary>
internal sealed class Resources
{
    private Resources(ITun tun, IUdp udp, Firewall? firewall)
    {
        Tun = tun;
        Udp = udp;
        Firewall = firewall;
    }

    /// <summary>The device, which is up.</summary>
    public ITun Tun { get; }

    /// <summary>The socket.</summary>
    public IUdp Udp { get; }

    /// <summary>The firewall table, where one is asked for.</summary>
    public Firewall? Firewall { get; }

    /// <summary>Opens everything.</summary>
    /// <param name="config">The tunnel.</param>
    /// <param name="scope">Owns what is opened, also if this fails.</param>
    /// <param name="tunnels">Numbers of the devices of all tunnels.</param>
    /// <param name="ports">UDP ports of all tunnels.</param>
    /// <exception cref="RequestException">Something was refused.</exception>
    public static Resources Open(
        TunnelConfig config,
        Scope scope,
        ConcurrentDictionary<int, string> tunnels,
        ConcurrentDictionary<int, string> ports
    )
    {
        var offload = config.Offload == OffloadMode.Auto;
        try
        {
            var overlaps = OverlapsOf(config, ownLink: null, tunnels);
            RequireNoOverlap(config, overlaps);
            var udp = scope.Own(OpenUdp(config, offload, ports));
            ports[udp.LocalPort] = config.Name;
            scope.AtEnd(() => ports.TryRemove(udp.LocalPort, out _));

            // Closed after the device, though it is made after it: the device is guarded for as long as it is there.
            Firewall? firewall = null;
            scope.AtEnd(() => firewall?.Dispose());
            var tun = scope.Own(OpenTun(config, offload));
            if (config.Firewall)
            {
                firewall = Firewall.Install(tun.Name, PortsOf(config), config.Forward);
            }

            tunnels[tun.Index] = config.Name;
            scope.AtEnd(() => tunnels.TryRemove(tun.Index, out _));
            Configure(tun, config, overlaps);
            return new Resources(tun, udp, firewall);
        }
        catch (FirewallException e)
        {
            throw new RequestException(Fault.FirewallRefused, e.Message);
        }
        catch (LinuxException e)
        {
            throw new RequestException(
                e.Errno == Errno.NotPermitted ? Fault.DaemonLacksPrivilege : Fault.System,
                e.Message
            );
        }
    }

    /// <summary>All ports that may be reached through the tunnel, whoever the peer is.</summary>
    public static PortSet PortsOf(TunnelConfig config) =>
        config
            .Peers.Select(peer => peer.AllowedPorts)
            .OfType<PortSet>()
            .Aggregate(config.AllowedPorts, (all, ports) => all.Union(ports));

    /// <summary>
    /// Gives a device, which may have some of it already, its MTU, superpacket size and addresses, and sets it up.
    /// </summary>
    /// <param name="tun">The device.</param>
    /// <param name="config">The tunnel.</param>
    /// <param name="tunnels">Numbers of the devices of all tunnels.</param>
    /// <exception cref="LinuxException">The kernel refuses.</exception>
    public static void Configure(ITun tun, TunnelConfig config, ConcurrentDictionary<int, string> tunnels) =>
        Configure(tun, config, OverlapsOf(config, tun.Index, tunnels));

    /// <param name="tun">The device.</param>
    /// <param name="config">The tunnel.</param>
    /// <param name="overlaps">Of each of its addresses.</param>
    private static void Configure(ITun tun, TunnelConfig config, IReadOnlyList<NetworkOverlap> overlaps)
    {
        RouteSocket.SetMtu(tun.Index, config.FirstMtu);
        RouteSocket.SetQueueLength(tun.Index, QueueLength);
        FitSuperpackets(tun, config.FirstMtu, config);
        try
        {
            RouteSocket.DisableIpv6Address(tun.Index);
        }
        catch (LinuxException)
        {
            // No IPv6 in this kernel: then there is no address to keep away either.
        }

        foreach (var (address, overlap) in config.TunnelAddresses.Zip(overlaps))
        {
            // Also after the other device was down for a while, whose route would be the later one then.
            var isShared = overlap.Shared.Length > 0;
            RouteSocket.AddAddress(tun.Index, address.Address, address.PrefixLength, isLastResort: isShared);
        }

        RouteSocket.SetUp(tun.Index);
    }

    /// <summary>Makes the superpackets of a device as large as its MTU wants them.</summary>
    /// <exception cref="LinuxException">The kernel refuses.</exception>
    public static void FitSuperpackets(ITun tun, int mtu, TunnelConfig config)
    {
        if (tun.Offloads != TunOffloads.None && MaxSuperpacket(mtu, OverheadOf(config), HeadersOf(config)) is { } size)
        {
            RouteSocket.SetMaxSuperpacket(tun.Index, size);
        }
    }

    /// <summary>
    /// The superpacket that becomes exactly one run: with the kernel's 64 KiB each would become a full run and a small
    /// one, at 7.1 instead of 9.1 Gbit/s (docs/performance.md).
    /// </summary>
    /// <returns>Bytes, or null where the kernel's own size is as good.</returns>
    internal static int? MaxSuperpacket(int mtu, int overhead = ClassicHeader, int headers = Ipv4AndTcpHeader)
    {
        var datagrams = Math.Min(SendBatch.MaxRunDatagrams, SendBatch.MaxRunBytes / (mtu + overhead));
        return datagrams < 2 ? null : datagrams * (mtu - headers);
    }

    private const int ClassicHeader = 16;
    private const int Ipv4AndTcpHeader = 40;
    private const int Ipv6AndTcpHeader = 60;

    /// <summary>
    /// Packets that wait for the daemon, of which the kernel's own number is 500: a program sends a burst faster than
    /// any daemon takes it. They wait for the processor alone, never for the network, so that a long queue makes no
    /// latency.
    /// </summary>
    private const int QueueLength = 32_768;

    /// <summary>Bytes of a tunnel's datagram that are neither the packet's nor padding.</summary>
    public static int OverheadOf(TunnelConfig config) =>
        config.Protocol == TunnelProtocol.WireGuard ? TransportMessage.Overhead : ClassicHeader;

    /// <summary>The size counts for both families: of IPv4, runs are then a datagram short.</summary>
    private static int HeadersOf(TunnelConfig config) =>
        config.Protocol == TunnelProtocol.WireGuard ? Ipv6AndTcpHeader : Ipv4AndTcpHeader;

    /// <returns>
    /// What the networks of a tunnel have in common with others; nothing where its file says that it is meant.
    /// </returns>
    private static List<NetworkOverlap> OverlapsOf(
        TunnelConfig config,
        int? ownLink,
        ConcurrentDictionary<int, string> tunnels
    ) =>
        [
            .. config.TunnelAddresses.Select(address =>
                config.Overlap
                    ? NetworkOverlap.None
                    : NetworkOverlap.Now(address, ownLink, link => !tunnels.ContainsKey(link))
            ),
        ];

    private static void RequireNoOverlap(TunnelConfig config, IReadOnlyList<NetworkOverlap> overlaps)
    {
        foreach (var (address, overlap) in config.TunnelAddresses.Zip(overlaps))
        {
            if (overlap.Covered.Length > 0)
            {
                throw new RequestException(
                    Fault.AddressOverlap,
                    $"the tunnel's network {address.Network} overlaps {overlap.Covered}: "
                        + "choose another TunnelAddress, or write \"Overlap\": true if that is meant"
                );
            }
        }
    }

    private static UdpSocket OpenUdp(TunnelConfig config, bool offload, ConcurrentDictionary<int, string> ports)
    {
        var port = PortOf(config);
        var bind = config.BindAddress;
        UdpSocket Bind(int port) =>
            UdpSocket.Bind(
                port,
                offload,
                tellsLocal: config.Protocol == TunnelProtocol.WireGuard || config.IsServer,
                bind?.Address is { } address ? LinkName.WithZone(address, bind.Zone) : null,
                config.BindDevice,
                config.Dscp
            );
        try
        {
            var usual = port == 0 && config.Protocol == TunnelProtocol.Classic ? UsualPort.Of(config) : 0;
            try
            {
                return Bind(usual > 0 ? usual : port);
            }
            catch (LinuxException e) when (usual > 0 && e.Errno == Errno.AddressInUse)
            {
                return Bind(port);
            }
        }
        catch (LinuxException e)
        {
            throw e.Errno switch
            {
                Errno.AddressInUse => new RequestException(
                    Fault.PortTaken,
                    $"UDP port {port} is in use by "
                        + (
                            ports.TryGetValue(port, out var owner)
                                ? $"the tunnel {owner} of this daemon"
                                : $"another program (`ss -lunp 'sport = :{port}'` shows which)"
                        )
                ),
                Errno.NoDevice when config.BindDevice is { } device && RouteSocket.FindLink(device) is null =>
                    new RequestException(
                        Fault.System,
                        $"BindDevice: there is no device {device} (`ip link` shows which there are)"
                    ),
                Errno.AddressNotAvailable or Errno.NoDevice => new RequestException(
                    Fault.System,
                    $"BindAddress: {bind?.Address} is no address of this host (`ip addr` shows which it has)"
                ),
                Errno.AccessDenied => new RequestException(
                    Fault.DaemonLacksPrivilege,
                    $"{e.Message}: ports below 1024 need CAP_NET_BIND_SERVICE"
                ),
                _ => new RequestException(Fault.System, e.Message),
            };
        }
    }

    private static int PortOf(TunnelConfig config) =>
        config.IsServer || config.Protocol == TunnelProtocol.WireGuard
            ? config.NetworkAddress.Port
            : config.BindAddress?.Port ?? 0;

    private static TunDevice OpenTun(TunnelConfig config, bool offload)
    {
        var name = config.TunnelDevice ?? "";
        try
        {
            if (name.Length > 0 && RouteSocket.FindLink(name) is not null)
            {
                throw new LinuxException($"cannot make the TUN device {name}", Errno.Busy);
            }

            return TunDevice.Open(name, offload);
        }
        catch (LinuxException e)
        {
            throw e.Errno switch
            {
                Errno.NoEntry or Errno.NoDevice => new RequestException(
                    Fault.TunUnavailable,
                    $"{e.Message}: load the kernel module with `modprobe tun`"
                ),
                Errno.NotPermitted or Errno.AccessDenied => new RequestException(
                    Fault.DaemonLacksPrivilege,
                    $"{e.Message}: udptunneld needs CAP_NET_ADMIN and access to /dev/net/tun"
                ),
                Errno.Busy or Errno.Exists => new RequestException(
                    Fault.DeviceTaken,
                    $"a network device named {name} exists already (`ip link show {name}`)"
                ),
                _ => new RequestException(Fault.System, e.Message),
            };
        }
    }
}
