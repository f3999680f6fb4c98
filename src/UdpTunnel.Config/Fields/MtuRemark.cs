// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Config.Fields;

/// <summary>What to say about an MTU that is allowed and costs something.</summary>
internal static class MtuRemark
{
    /// <summary>Bytes of IPv4 and UDP around a datagram.</summary>
    private const int OuterHeaders = 20 + 8;

    private const int LargestIPv4Packet = 65_535;
    private const int EthernetMtu = 1_500;

    /// <summary>About an MTU with which the kernel would take IPv6 from the device.</summary>
    public static string TooSmallForV6(int mtu) =>
        $"{mtu} is too small for a tunnel with IPv6 inside (at least {TunnelConfig.MinMtuV6} bytes)";

    /// <summary>A remark; null if there is nothing to say.</summary>
    /// <param name="protocol">What the tunnel speaks.</param>
    /// <param name="mtu">The MTU of its device, in bytes.</param>
    public static string? On(TunnelProtocol protocol, int mtu)
    {
        // The MD5 of the magic; a header of 16 bytes and a tag of 16.
        var overhead = OuterHeaders + (protocol == TunnelProtocol.Classic ? 16 : 32);
        if (mtu > LargestIPv4Packet - overhead)
        {
            return $"packets over {LargestIPv4Packet - overhead} bytes do not fit a UDP datagram over IPv4";
        }

        return mtu > EthernetMtu - overhead
            ? $"packets over {EthernetMtu - overhead} bytes do not fit links with an MTU of 1500"
            : null;
    }
}
