using UdpTunnel.Config.Json;

namespace UdpTunnel.Config.Fields;

/// <summary>Reads the lists of <c>AllowedSources</c> and <c>AllowedDestinations</c>.</summary>
internal static class NetworksReader
{
    /// <summary>Reads a list; mistakes of all its items are remarked upon.</summary>
    /// <returns>The networks; empty if there is a mistake.</returns>
    public static ValueList<Ipv4Network> Read(in FieldReader reader, in Member member)
    {
        if (member.Value.Kind != JsonKind.Array)
        {
            reader.Error(member, $"{reader.Found(member.Value)} is not a list of networks (such as [\"10.0.0.0/24\"])");
            return [];
        }

        var networks = new List<Ipv4Network>();
        var item = 0;
        for (var i = member.ValueIndex + 1; i < member.Value.Next; i = reader.Nodes[i].Next)
        {
            var node = reader.Nodes[i];
            if (node.Kind != JsonKind.String)
            {
                reader.Error(
                    node.Start, $"{member.Field.Name}[{item}]", $"{reader.Found(node)} is not a network (such as \"10.0.0.0/24\")");
            }
            else if (!Ipv4Network.TryParse(reader.Text(node), out var network, out var error))
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
        else if (item > TunnelConfig.MaxNetworks)
        {
            reader.Error(member, $"the list has {item} networks (at most {TunnelConfig.MaxNetworks} are allowed)");
        }

        return [.. networks];
    }
}
