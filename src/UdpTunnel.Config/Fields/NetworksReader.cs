// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics.CodeAnalysis;
using UdpTunnel.Config.Json;

namespace UdpTunnel.Config.Fields;

/// <summary>Reads lists of networks.</summary>
internal static class NetworksReader
{
    private delegate bool Parser<T>(string text, out T network, [NotNullWhen(false)] out string? error);

    /// <summary>Reads the list of <c>AllowedSources</c> or <c>AllowedDestinations</c>; all mistakes are told.</summary>
    /// <returns>The networks; empty if there is a mistake.</returns>
    public static ValueList<Ipv4Network> Read(in FieldReader reader, in Member member) =>
        [.. Read<Ipv4Network>(reader, member, Ipv4Network.TryParse, TunnelConfig.MaxNetworks)];

    /// <summary>Reads the list of <c>AllowedClients</c>; all mistakes are told.</summary>
    /// <returns>The networks; empty if there is a mistake.</returns>
    public static ValueList<IpPrefix> ReadBoth(in FieldReader reader, in Member member) =>
        [.. Read<IpPrefix>(reader, member, TryParsePrefix, RelayConfig.MaxAllowedClients)];

    private static bool TryParsePrefix(string text, out IpPrefix prefix, [NotNullWhen(false)] out string? error) =>
        IpPrefix.TryParse(text, out prefix, out _, out error);

    private static List<T> Read<T>(in FieldReader reader, in Member member, Parser<T> parse, int most)
    {
        var networks = new List<T>();
        if (member.Value.Kind != JsonKind.Array)
        {
            reader.Error(member, $"{reader.Found(member.Value)} is not a list of networks (such as [\"10.0.0.0/24\"])");
            return networks;
        }

        var item = 0;
        for (var i = member.ValueIndex + 1; i < member.Value.Next; i = reader.Nodes[i].Next)
        {
            var node = reader.Nodes[i];
            if (node.Kind != JsonKind.String)
            {
                reader.Error(
                    node.Start,
                    $"{member.Field.Name}[{item}]",
                    $"{reader.Found(node)} is not a network (such as \"10.0.0.0/24\")"
                );
            }
            else if (!parse(reader.Text(node), out var network, out var error))
            {
                reader.Error(node.Start, $"{member.Field.Name}[{item}]", error);
            }
            else
            {
                networks.Add(network);
            }

            item++;
        }

        if (item == 0)
        {
            reader.Error(member, "the list is empty (leave the field out to allow all networks)");
        }
        else if (item > most)
        {
            reader.Error(member, $"the list has {item} networks (at most {most} are allowed)");
        }

        return networks;
    }
}
