// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config.Json;

namespace UdpTunnel.Config.Fields;

/// <summary>Reads the list of <c>AllowedPorts</c>.</summary>
internal static class AllowedPortsReader
{
    /// <summary>Reads the list; mistakes of all its items are remarked upon.</summary>
    /// <returns>The ports; null if there is a mistake.</returns>
    public static PortSet? Read(in FieldReader reader, in Member member)
    {
        if (member.Value.Kind == JsonKind.String && reader.Text(member.Value) == PortSet.AllWord)
        {
            return PortSet.All;
        }

        if (member.Value.Kind != JsonKind.Array)
        {
            reader.Error(member, $"{reader.Found(member.Value)} is not a list of ports (such as [22, \"8000-8010\"])");
            return null;
        }

        var ranges = new List<PortRange>();
        // For each port, 1 + the index of the item that allowed it first. Not for each of a thousand peers.
        var allowedBy = member.Peer < 0 ? new int[ushort.MaxValue + 1] : null;
        var item = 0;
        for (var i = member.ValueIndex + 1; i < member.Value.Next; i = reader.Nodes[i].Next)
        {
            var node = reader.Nodes[i];
            if (ReadItem(reader, node, out var range) is { } error)
            {
                reader.Error(node.Start, $"{member.Path}[{item}]", error);
            }
            else
            {
                ranges.Add(range);
                // Looking for overlaps costs the length of the range. Those without overlap have 65,535 ports together;
                // the others end with the room for warnings.
                if (
                    allowedBy is not null
                    && reader.HasRoomForWarnings
                    && FirstAllowed(allowedBy, range, item) is var (port, earlier)
                )
                {
                    reader.Warn(
                        node.Start,
                        $"AllowedPorts[{item}]",
                        $"port {port} is allowed by AllowedPorts[{earlier}] already"
                    );
                }
            }

            item++;
        }

        if (item == 0)
        {
            reader.Error(member, "the list is empty (allow at least one port, such as [22])");
        }

        return ranges.Count == item && item > 0 ? PortSet.Create([.. ranges]) : null;
    }

    private static string? ReadItem(in FieldReader reader, JsonNode node, out PortRange range)
    {
        range = default;
        if (node.Kind == JsonKind.String)
        {
            return PortRange.TryParse(reader.Text(node), out range, out var error) ? null : error;
        }

        if (node.Kind == JsonKind.Number && PortRange.TryParsePort(reader.Raw(node), out var port))
        {
            range = new PortRange(port);
            return null;
        }

        return $"{reader.Found(node)} is not a port (1 to 65535)";
    }

    /// <summary>Marks the ports of a range and finds the first one that was marked before.</summary>
    private static (int Port, int Earlier)? FirstAllowed(int[] allowedBy, PortRange range, int item)
    {
        (int Port, int Earlier)? first = null;
        for (int port = range.First; port <= range.Last; port++)
        {
            if (allowedBy[port] == 0)
            {
                allowedBy[port] = item + 1;
            }
            else
            {
                first ??= (port, allowedBy[port] - 1);
            }
        }

        return first;
    }
}
