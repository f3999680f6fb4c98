// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;

namespace UdpTunnel.Linux;

/// <summary>Names of network devices.</summary>
internal static unsafe class LinkName
{
    private const int MaxLength = 16;

    /// <summary>The device's name; its number if it has none (any more).</summary>
    public static string Of(long index)
    {
        var name = stackalloc byte[MaxLength];
        return Libc.IndexToName((uint)index, name) is null
            ? index.ToString(CultureInfo.InvariantCulture)
            : Marshal.PtrToStringUTF8((nint)name)!;
    }

    /// <summary>
    /// Completes a link-local address with the device that its zone names. The number of a device may change while its
    /// name stays, so the answer holds for now.
    /// </summary>
    /// <param name="address">The address without a zone.</param>
    /// <param name="zone">
    /// Name or number of a device (RFC 4007, section 11.2), a name first; empty for an address that needs none.
    /// </param>
    /// <exception cref="LinuxException">There is no such device (ENODEV), or the kernel does not answer.</exception>
    public static IPAddress WithZone(IPAddress address, string zone)
    {
        if (zone.Length == 0)
        {
            return address;
        }

        var index = zone.Length < MaxLength ? RouteSocket.FindLink(zone) : null;
        if (
            index is null
            && int.TryParse(zone, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number > 0
        )
        {
            index = RouteSocket.FindLink(number);
        }

        return index is { } found
            ? new IPAddress(address.GetAddressBytes(), found)
            : throw new LinuxException($"there is no device {zone}", Errno.NoDevice);
    }
}
