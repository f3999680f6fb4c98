// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Linux;

/// <summary>Numbers of the TUN driver, under the kernel's names (include/uapi/linux/if_tun.h).</summary>
internal static class TunConstants
{
    public const nuint TUNSETIFF = 0x400454ca;
    public const nuint TUNSETVNETHDRSZ = 0x400454d8;
    public const nuint TUNSETOFFLOAD = 0x400454d0;

    public const ushort IFF_TUN = 0x0001;
    public const ushort IFF_NO_PI = 0x1000;
    public const ushort IFF_VNET_HDR = 0x4000;

    /// <summary>
    /// Fail where the device exists; without it the open attaches silently to another process's device.
    /// </summary>
    public const ushort IFF_TUN_EXCL = 0x8000;

    public const nint TUN_F_CSUM = 0x01;
    public const nint TUN_F_TSO4 = 0x02;
    public const nint TUN_F_TSO6 = 0x04;

    /// <summary>From Linux 6.2; set together with USO6.</summary>
    public const nint TUN_F_USO4 = 0x20;
    public const nint TUN_F_USO6 = 0x40;

    public const int O_RDWR = 2;
    public const int O_CLOEXEC = 0x80000;

    /// <summary>Bytes of an interface name, the closing zero included (IFNAMSIZ).</summary>
    public const int IFNAMSIZ = 16;
}
