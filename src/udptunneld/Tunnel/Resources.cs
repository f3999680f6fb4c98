using UdpTunnel.Config;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>What a tunnel takes from the kernel, opened in an order that never leaves the device unguarded, and named faults when refused.</summary>
internal sealed class Resources : IDisposable
{
    /// <summary>The device; up when <see cref="Open"/> is done.</summary>
    public ITun? Tun { get; private set; }

    /// <summary>The socket.</summary>
    public IUdp? Udp { get; private set; }

    /// <summary>The firewall table, where one is asked for.</summary>
    public Firewall? Firewall { get; private set; }

    /// <summary>Opens everything.</summary>
    /// <exception cref="RequestException">Something was refused. What was opened before is closed by <see cref="Dispose"/>.</exception>
    public void Open(TunnelConfig config)
    {
        var offload = config.Offload == OffloadMode.Auto;
        Udp = OpenUdp(config, offload);
        Tun = OpenTun(config, offload);
        try
        {
            if (config.Firewall)
            {
                Firewall = Firewall.Install(Tun.Name, config.AllowedPorts);
            }

            Configure(Tun, config);
        }
        catch (FirewallException e)
        {
            throw new RequestException(Fault.FirewallRefused, e.Message);
        }
        catch (LinuxException e)
        {
            throw new RequestException(e.Errno == Errno.NotPermitted ? Fault.DaemonLacksPrivilege : Fault.System, e.Message);
        }
    }

    /// <summary>Gives a new device its MTU, superpacket size and address, and sets it up.</summary>
    /// <exception cref="LinuxException">The kernel refuses.</exception>
    public static void Configure(ITun tun, TunnelConfig config)
    {
        RouteSocket.SetMtu(tun.Index, config.Mtu);
        if (tun.Offloads != TunOffloads.None && MaxSuperpacket(config.Mtu) is { } size)
        {
            RouteSocket.SetMaxSuperpacket(tun.Index, size);
        }

        try
        {
            RouteSocket.DisableIpv6Address(tun.Index);
        }
        catch (LinuxException)
        {
            // No IPv6 in this kernel: then there is no address to keep away either.
        }

        RouteSocket.AddAddress(tun.Index, config.TunnelAddress.Address, config.TunnelAddress.PrefixLength);
        RouteSocket.SetUp(tun.Index);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Tun?.Dispose();
        Udp?.Dispose();
        Firewall?.Dispose();
    }

    /// <summary>
    /// The superpacket that becomes exactly one run: with the kernel's 64 KiB each would become a full run and a small one, at 7.1 instead of
    /// 9.1 Gbit/s (docs/performance.md).
    /// </summary>
    /// <returns>Bytes, or null where the kernel's own size is as good.</returns>
    internal static int? MaxSuperpacket(int mtu)
    {
        const int IpAndTcpHeader = 40;
        var datagrams = Math.Min(SendBatch.MaxRunDatagrams, SendBatch.MaxRunBytes / (mtu + ClassicHeader));
        return datagrams < 2 ? null : datagrams * (mtu - IpAndTcpHeader);
    }

    private const int ClassicHeader = 16;

    private static UdpSocket OpenUdp(TunnelConfig config, bool offload)
    {
        try
        {
            return UdpSocket.Bind(config.IsServer ? config.NetworkAddress.Port : 0, offload);
        }
        catch (LinuxException e)
        {
            throw e.Errno switch
            {
                Errno.AddressInUse => new RequestException(
                    Fault.PortTaken,
                    $"UDP port {config.NetworkAddress.Port} is in use by another program (`ss -lunp 'sport = :{config.NetworkAddress.Port}'` shows which)"),
                Errno.AccessDenied => new RequestException(
                    Fault.DaemonLacksPrivilege, $"{e.Message}: ports below 1024 need CAP_NET_BIND_SERVICE"),
                _ => new RequestException(Fault.System, e.Message),
            };
        }
    }

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
                    Fault.TunUnavailable, $"{e.Message}: load the kernel module with `modprobe tun`"),
                Errno.NotPermitted or Errno.AccessDenied => new RequestException(
                    Fault.DaemonLacksPrivilege, $"{e.Message}: udptunneld needs CAP_NET_ADMIN and access to /dev/net/tun"),
                Errno.Busy or Errno.Exists => new RequestException(
                    Fault.DeviceTaken, $"a network device named {name} exists already (`ip link show {name}`)"),
                _ => new RequestException(Fault.System, e.Message),
            };
        }
    }
}
