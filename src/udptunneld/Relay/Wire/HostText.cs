// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using System.Text;

namespace UdpTunnel.Relay.Wire;

/// <summary>
/// The name of a client in the classic protocol, as Go writes addresses: "192.0.2.7:40112", "[2001:db8::9]:6103",
/// "[fe80::1%eth0]:6105". It is never read as an address: what a sender names is only compared with the names of live
/// flows.
/// </summary>
internal static class HostText
{
    /// <summary>Makes a client's name.</summary>
    /// <param name="client">The client.</param>
    /// <param name="nameOfLink">Name of a network device by its number.</param>
    public static byte[] Make(IPEndPoint client, Func<long, string> nameOfLink)
    {
        var address = client.Address;
        if (address.AddressFamily != AddressFamily.InterNetworkV6 || address.ScopeId == 0)
        {
            return Encoding.UTF8.GetBytes(client.ToString());
        }

        var plain = new IPAddress(address.GetAddressBytes());
        return Encoding.UTF8.GetBytes($"[{plain}%{nameOfLink(address.ScopeId)}]:{client.Port}");
    }
}
