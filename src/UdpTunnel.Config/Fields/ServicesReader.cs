// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config.Json;

namespace UdpTunnel.Config.Fields;

/// <summary>Reads the services of <c>UdpAddress</c>: one, or a list of them.</summary>
internal static class ServicesReader
{
    /// <summary>Reads the services; mistakes of all items are remarked upon.</summary>
    /// <param name="reader">The text.</param>
    /// <param name="member">The field.</param>
    /// <param name="items">Takes the place of each service, for remarks that take more than one field.</param>
    /// <returns>The services; null if there is a mistake.</returns>
    public static UdpServiceList? Read(
        in FieldReader reader,
        in Member member,
        List<(JsonNode Node, string Field)> items
    )
    {
        items.Clear();
        if (member.Value.Kind != JsonKind.Array)
        {
            items.Add((member.Value, member.Field.Name));
        }
        else
        {
            for (var i = member.ValueIndex + 1; i < member.Value.Next; i = reader.Nodes[i].Next)
            {
                items.Add((reader.Nodes[i], $"{member.Field.Name}[{items.Count}]"));
            }
        }

        if (items.Count is 0 or > UdpServiceList.MaxCount)
        {
            reader.Error(
                member,
                items.Count == 0
                    ? "the list is empty (name at least one service, such as \":53\")"
                    : $"the list has {items.Count} services (at most {UdpServiceList.MaxCount} are allowed)"
            );
            return null;
        }

        var services = new List<UdpService>();
        foreach (var (node, field) in items)
        {
            string? error;
            if (node.Kind != JsonKind.String)
            {
                reader.Error(node.Start, field, $"{reader.Found(node)} is not a string");
            }
            else if (UdpService.TryParse(reader.Text(node), out var service, out error))
            {
                services.Add(service);
            }
            else
            {
                reader.Error(node.Start, field, error);
            }
        }

        if (services.Count < items.Count)
        {
            return null;
        }

        var ports = services.Sum(s => s.Count);
        if (ports > UdpServiceList.MaxPorts)
        {
            reader.Error(member, $"{ports} ports are too many (at most {UdpServiceList.MaxPorts} are allowed)");
            return null;
        }

        return [.. services];
    }
}
