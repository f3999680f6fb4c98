// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;

namespace UdpTunnel.Doctor;

/// <summary>
/// Whether iptables of before nftables has a say in what comes in (IPv4): libnftables does not see its rules. Asked by
/// the socket option that iptables-legacy uses itself (include/uapi/linux/netfilter_ipv4/ip_tables.h), and only where
/// the kernel has it already.
/// </summary>
internal static class LegacyIptables
{
    private const string Loaded = "/proc/net/ip_tables_names";

    private const int IPPROTO_IP = 0;
    private const int IPT_SO_GET_INFO = 64;

    // struct ipt_getinfo: the table's name, the hooks that it has, and for each of five hooks where its rules and its
    // policy begin; all in host byte order.
    private const int NameLength = 32;
    private const int HookEntries = NameLength + sizeof(uint);
    private const int Underflows = HookEntries + (5 * sizeof(uint));
    private const int InfoLength = Underflows + (7 * sizeof(uint));
    private const int LocalIn = 1;

    /// <summary>Whether its chain INPUT has rules. False also where it cannot be asked.</summary>
    public static bool HasInputRules()
    {
        if (!File.Exists(Loaded))
        {
            return false;
        }

        Span<byte> info = stackalloc byte[InfoLength];
        "filter"u8.CopyTo(info);
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            return socket.GetRawSocketOption(IPPROTO_IP, IPT_SO_GET_INFO, info) == InfoLength
                && At(info, HookEntries) != At(info, Underflows);
        }
        catch (SocketException)
        {
            // No such table, or not permitted.
            return false;
        }
    }

    private static uint At(ReadOnlySpan<byte> info, int hooks) =>
        BitConverter.ToUInt32(info[(hooks + (LocalIn * sizeof(uint)))..]);
}
