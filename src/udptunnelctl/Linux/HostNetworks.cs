// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using System.Net;
using System.Net.Sockets;
using UdpTunnel.Config;

namespace UdpTunnel.Cli.Linux;

/// <summary>Networks and ports that this host uses already, as the kernel lists them.</summary>
internal static class HostNetworks
{
    private const int MaxLines = 100_000;

    /// <summary>
    /// The networks that this host has routes to, its own addresses' among them. What cannot be read is left out: the
    /// daemon refuses a collision all the same.
    /// </summary>
    public static IReadOnlyList<IpPrefix> Read() =>
        [
            .. Lines("/proc/net/route").Select(V4).OfType<IpPrefix>(),
            .. Lines("/proc/net/ipv6_route").Select(V6).OfType<IpPrefix>(),
        ];

    /// <summary>A line of <c>/proc/net/route</c>: device, destination and, in the eighth place, mask, in hex.</summary>
    internal static IpPrefix? V4(string line)
    {
        var words = line.Split((char[])['\t', ' '], StringSplitOptions.RemoveEmptyEntries);
        return
            words.Length > 7
            && uint.TryParse(words[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var destination)
            && uint.TryParse(words[7], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var mask)
            ? IpPrefix.Of(new IPAddress(destination), System.Numerics.BitOperations.PopCount(mask))
            : null;
    }

    /// <summary>A line of <c>/proc/net/ipv6_route</c>: destination and length of its prefix, in hex.</summary>
    internal static IpPrefix? V6(string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return
            words.Length > 2
            && words[0].Length == 32
            && UInt128.TryParse(words[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var destination)
            && int.TryParse(words[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var length)
            && length is >= 0 and <= 128
            ? IpPrefix.Of(isV6: true, (ulong)(destination >> 64), (ulong)destination, length)
            : null;
    }

    /// <summary>Whether a UDP port is nobody's.</summary>
    public static bool IsFree(ushort port)
    {
        try
        {
            using var socket = new Socket(SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(socket.DualMode ? IPAddress.IPv6Any : IPAddress.Any, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static IEnumerable<string> Lines(string path)
    {
        try
        {
            return File.ReadLines(path).Take(MaxLines).ToList();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
