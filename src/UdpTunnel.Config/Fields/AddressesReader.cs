// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config.Json;

namespace UdpTunnel.Config.Fields;

/// <summary>Reads the <c>TunnelAddress</c> of a secure tunnel: one address or a list.</summary>
internal static class AddressesReader
{
    /// <summary>Reads the value; mistakes of all its items are remarked upon.</summary>
    /// <returns>The addresses; those without a mistake if there is one.</returns>
    public static ValueList<InterfaceAddress> Read(in FieldReader reader, in Member member)
    {
        var addresses = new List<InterfaceAddress>();
        if (member.Value.Kind == JsonKind.String)
        {
            Add(reader, member.Value, member.Path, addresses);
        }
        else if (member.Value.Kind == JsonKind.Array)
        {
            var item = 0;
            for (var i = member.ValueIndex + 1; i < member.Value.Next; i = reader.Nodes[i].Next)
            {
                Add(reader, reader.Nodes[i], $"{member.Path}[{item++}]", addresses);
            }
        }
        else
        {
            reader.Error(
                member,
                $"{reader.Found(member.Value)} is neither an address nor a list of addresses "
                    + "(such as \"10.99.0.1/24\" or [\"10.99.0.1/24\", \"fd00::1/64\"])"
            );
        }

        if (addresses.Count > TunnelConfig.MaxAddresses)
        {
            reader.Error(
                member,
                $"the list has {addresses.Count} addresses (at most {TunnelConfig.MaxAddresses} are allowed)"
            );
        }

        return [.. addresses];
    }

    private static void Add(in FieldReader reader, JsonNode node, string path, List<InterfaceAddress> addresses)
    {
        if (node.Kind != JsonKind.String)
        {
            reader.Error(
                node.Start,
                path,
                $"{reader.Found(node)} is not an address (such as \"10.99.0.1/24\" or \"fd00::1/64\")"
            );
        }
        else if (
            !InterfaceAddress.TryParseEither(reader.Text(node), requiresLength: true, out var address, out var error)
        )
        {
            reader.Error(node.Start, path, error);
        }
        else if (addresses.Count < TunnelConfig.MaxAddresses && addresses.Any(a => a.Address.Equals(address.Address)))
        {
            reader.Error(node.Start, path, $"{address.Address} is in the list already");
        }
        else
        {
            addresses.Add(address);
        }
    }
}
