// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output;

/// <summary>Facts about a tunnel in a few words; several views share them.</summary>
internal static class TunnelText
{
    /// <summary><c>tun0, 10.0.0.1/24, MTU 1236 of the path</c>; what is not known is left out.</summary>
    public static string Device(Tunnel tunnel)
    {
        // A daemon of before knows one address only.
        var addresses =
            tunnel.TunnelAddresses.Count > 0 ? string.Join(", ", tunnel.TunnelAddresses) : tunnel.TunnelAddress;
        var address = $"{(addresses.Length > 0 ? addresses : "no address of ours")}, {Mtu(tunnel)}";
        return tunnel.Device.Length > 0 ? $"{tunnel.Device}, {address}" : address;
    }

    /// <summary>
    /// <c>server on UDP port 8000</c>, <c>client of host:8000, from UDP port 40112</c> or <c>secure, on UDP port
    /// 51820</c>
    /// </summary>
    public static string Mode(Tunnel tunnel)
    {
        if (IsSecure(tunnel))
        {
            return tunnel.LocalPort > 0 ? $"secure, on UDP port {tunnel.LocalPort}" : "secure";
        }

        if (tunnel.Mode == TunnelMode.Server)
        {
            return tunnel.LocalPort > 0
                ? $"server on UDP port {tunnel.LocalPort}"
                : $"server on {tunnel.NetworkAddress}";
        }

        var client = $"{Words.Spoken(Words.Of(tunnel.Mode))} of {tunnel.NetworkAddress}";
        return tunnel.LocalPort > 0 ? $"{client}, from UDP port {tunnel.LocalPort}" : client;
    }

    private static string Mtu(Tunnel tunnel) =>
        tunnel.MtuSource switch
        {
            MtuSource.Path => $"MTU {tunnel.Mtu} of the path",
            MtuSource.Hand => $"MTU {tunnel.Mtu} set by hand",
            _ => $"MTU {tunnel.Mtu}",
        };

    /// <summary>Whether it speaks WireGuard's protocol and has peers, instead of one peer.</summary>
    public static bool IsSecure(Tunnel tunnel) => tunnel.Protocol == TunnelProtocol.Wireguard;

    /// <summary>The peer's endpoint and how long ago it was heard.</summary>
    public static string Peer(Tunnel tunnel, DateTimeOffset now)
    {
        var heard = TimeText.Of(tunnel.Peer?.LastHeard) is { } time
            ? $"heard {TimeInWords.Ago(time, now)}"
            : "nothing heard yet";
        return tunnel.Peer?.Endpoint is { Length: > 0 } endpoint
            ? $"{endpoint}, {heard}{Path(tunnel.Peer.PathMtu, tunnel.Peer.PacketMtu)}"
            : $"not known, {heard}";
    }

    /// <summary>
    /// <c>, path MTU 1280, packets up to 1236</c>; nothing if it is not known.
    /// </summary>
    public static string Path(uint pathMtu, uint packetMtu) =>
        pathMtu > 0 ? $", path MTU {pathMtu}, packets up to {packetMtu}" : "";

    /// <summary><c>22, 8000-8010</c>, or <c>all</c></summary>
    public static string Ports(IReadOnlyList<PortRange> ports) =>
        ports is [{ First: 1, Last: 65_535 }]
            ? "all"
            : string.Join(", ", ports.Select(p => p.First == p.Last ? $"{p.First}" : $"{p.First}-{p.Last}"));

    /// <summary>The same, cut short where it would fill more than two lines.</summary>
    public static string FoldedPorts(IReadOnlyList<PortRange> ports, string tunnel)
    {
        const int Most = 16;
        const int Shown = 10;
        return ports.Count <= Most
            ? Ports(ports)
            : $"{Ports([.. ports.Take(Shown)])} and {Quantity.Count((ulong)(ports.Count - Shown))} more "
                + $"(udptunnelctl ports {tunnel})";
    }

    /// <summary>The offloads in use, or that there are none.</summary>
    public static string Offloads(Offloads? offloads)
    {
        var used = new List<string>(4);
        Add(offloads?.TunTcp, "TUN TCP");
        Add(offloads?.TunUdp, "TUN UDP");
        Add(offloads?.UdpSegment, "UDP_SEGMENT");
        Add(offloads?.UdpGro, "UDP_GRO");
        return used.Count > 0 ? string.Join(", ", used) : "none in use";

        void Add(bool? inUse, string name)
        {
            if (inUse == true)
            {
                used.Add(name);
            }
        }
    }

    /// <summary>What dropped packets have in common, in words that stand alone.</summary>
    public static string Drop(DropReason reason) =>
        reason switch
        {
            DropReason.NotIpv4 => "not IPv4",
            DropReason.Protocol => "other protocol",
            DropReason.IcmpType => "ICMP type",
            DropReason.Port => "port not allowed",
            DropReason.Magic => "wrong magic",
            DropReason.SendFailed => "sending failed",
            _ => Words.Spoken(Words.Of(reason)),
        };

    /// <summary>How a state looks.</summary>
    public static Style StyleOf(TunnelState state) =>
        state switch
        {
            TunnelState.Running => Style.Good,
            TunnelState.Waiting or TunnelState.Resolving => Style.Warning,
            _ => Style.Bad,
        };
}
