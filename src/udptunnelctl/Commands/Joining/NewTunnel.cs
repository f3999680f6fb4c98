// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Security.Cryptography;
using UdpTunnel.Config;

namespace UdpTunnel.Cli.Commands.Joining;

/// <summary>Makes configurations of new tunnels. Pure.</summary>
internal static class NewTunnel
{
    /// <summary>The port of WireGuard's own examples.</summary>
    public const ushort UsualPort = 51820;

    /// <summary>The predecessor's.</summary>
    public const ushort UsualClassicPort = 8000;

    private const int PortsTried = 1000;
    private const int MagicBytes = 24;

    /// <summary>One end of a secure tunnel to which others come.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="ports">Ports that may be reached through it.</param>
    /// <param name="listen">Its UDP port.</param>
    /// <param name="taken">Networks that the host uses.</param>
    /// <param name="random">Chance.</param>
    /// <returns>Null if no network is free.</returns>
    public static TunnelConfig? Secure(
        string name,
        PortSet ports,
        ushort listen,
        IReadOnlyCollection<IpPrefix> taken,
        Random random
    )
    {
        IpPrefix?[] networks = [FreeNetwork.V4(taken, random), FreeNetwork.V6(taken, random)];
        var addresses = networks.OfType<IpPrefix>().Select(network => HostOf(network, 0)).ToList();
        return addresses.Count == 0
            ? null
            : new TunnelConfig
            {
                Name = name,
                Protocol = TunnelProtocol.WireGuard,
                TunnelAddresses = [.. addresses],
                NetworkAddress = HostPort.AnyPort.WithPort(listen),
                AllowedPorts = ports,
                Mtu = TunnelConfig.DefaultWireGuardMtu,
                UnknownPeers = UnknownPeers.Ask,
            };
    }

    /// <summary>Both ends of a classic tunnel.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="ports">Ports that may be reached through it.</param>
    /// <param name="server">Where the client finds the server.</param>
    /// <param name="taken">Networks that the host uses.</param>
    /// <param name="random">Chance, for what need not be secret.</param>
    /// <returns>Null if no network is free.</returns>
    public static (TunnelConfig Server, TunnelConfig Client)? Classic(
        string name,
        PortSet ports,
        HostPort server,
        IReadOnlyCollection<IpPrefix> taken,
        Random random
    )
    {
        if (FreeNetwork.V4(taken, random) is not { } network)
        {
            return null;
        }

        var first = HostOf(network, 0);
        var here = new TunnelConfig
        {
            Name = name,
            TunnelAddresses = [first],
            NetworkAddress = HostPort.AnyPort.WithPort(server.Port),
            AllowedPorts = ports,
            PacketMagic = Convert.ToBase64String(RandomNumberGenerator.GetBytes(MagicBytes)),
        };
        var there = here with { TunnelAddresses = [HostOf(network, 1)], NetworkAddress = server };
        return (here, there);
    }

    /// <summary>The first port that nobody has, from one on; that one if all are taken.</summary>
    public static ushort FreePort(ushort from, Func<ushort, bool> isFree)
    {
        for (var i = 0; i < PortsTried && from + i <= ushort.MaxValue; i++)
        {
            if (isFree((ushort)(from + i)))
            {
                return (ushort)(from + i);
            }
        }

        return from;
    }

    private static InterfaceAddress HostOf(IpPrefix network, int number)
    {
        var taken = new List<IpPrefix>();
        IPAddress host;
        do
        {
            host = FreeAddress.FirstOf(network, taken)!;
            taken.Add(IpPrefix.Of(host, network.IsV6 ? 128 : 32));
        } while (number-- > 0);

        return InterfaceAddress.TryParseEither($"{host}/{network.Length}", true, out var address, out var error)
            ? address
            : throw new InvalidOperationException(error);
    }
}
