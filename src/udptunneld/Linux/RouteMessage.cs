// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;

namespace UdpTunnel.Linux;

/// <summary><c>struct rtmsg</c> of linux/rtnetlink.h: what every request about routes begins with.</summary>
[StructLayout(LayoutKind.Sequential, Size = 12)]
internal struct RouteMessage
{
    public byte Family;
    public byte PrefixLength;
    public byte SourceLength;
    public byte Tos;
    public byte Table;
    public byte Protocol;
    public byte Scope;
    public byte Type;
    public uint Flags;
}
