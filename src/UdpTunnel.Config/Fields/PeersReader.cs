// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config.Json;

namespace UdpTunnel.Config.Fields;

/// <summary>Reads the list of <c>Peers</c>.</summary>
internal static class PeersReader
{
    private const string Example = "{\"PublicKey\": \"…\", \"AllowedIPs\": [\"10.99.0.2/32\"]}";

    /// <summary>Reads the list; mistakes of all its items are remarked upon.</summary>
    /// <param name="reader">The text.</param>
    /// <param name="member">The field.</param>
    /// <param name="peers">Where those without a mistake of their own go.</param>
    public static void Read(in FieldReader reader, in Member member, PeerList peers)
    {
        if (member.Value.Kind != JsonKind.Array)
        {
            reader.Error(member, $"{reader.Found(member.Value)} is not a list of peers (such as [{Example}])");
            return;
        }

        if (Count(reader, member) is > TunnelConfig.MaxPeers and var count)
        {
            reader.Error(member, $"the list has {count} peers (at most {TunnelConfig.MaxPeers} are allowed)");
            return;
        }

        var item = 0;
        for (var i = member.ValueIndex + 1; i < member.Value.Next; i = reader.Nodes[i].Next)
        {
            if (reader.Nodes[i].Kind != JsonKind.Object)
            {
                reader.Error(
                    reader.Nodes[i].Start,
                    $"{member.Path}[{item}]",
                    $"{reader.Found(reader.Nodes[i])} is not a peer (such as {Example})"
                );
            }
            else
            {
                ReadPeer(reader, i, item, peers);
            }

            item++;
        }
    }

    private static int Count(in FieldReader reader, in Member member)
    {
        var count = 0;
        for (var i = member.ValueIndex + 1; i < member.Value.Next; i = reader.Nodes[i].Next)
        {
            count++;
        }

        return count;
    }

    private static void ReadPeer(in FieldReader reader, int node, int item, PeerList peers)
    {
        var members = FileMembers.ReadPeer(reader, node, item);
        var draft = new PeerDraft($"{KnownFields.Peers.Name}[{item}].", reader.Nodes[node].Start);
        foreach (var member in members.Names)
        {
            draft.NameOffset = member.Value.Start;
            if (!reader.TryReadString(member, out var name))
            {
                continue;
            }

            if (!ConfigurationName.TryValidate(name, out var error))
            {
                reader.Error(member, error);
            }

            draft.Name = name;
        }

        foreach (var member in members.Others)
        {
            ReadField(reader, member, draft);
        }

        peers.Add(reader, draft);
    }

    private static void ReadField(in FieldReader reader, in Member member, PeerDraft draft)
    {
        switch (member.Field.Name)
        {
            case "PublicKey":
                if (reader.TryReadKeyText(member, out var publicKey))
                {
                    draft.ReadPublicKey(reader, member.Value.Start, publicKey);
                }

                break;
            case "PresharedKey":
                if (reader.TryReadKeyText(member, out var presharedKey))
                {
                    draft.ReadPresharedKey(reader, member.Value.Start, presharedKey);
                }

                break;
            case "AllowedIPs":
                ReadNetworks(reader, member, draft);
                break;
            case "Endpoint":
                if (reader.TryReadString(member, out var endpoint))
                {
                    draft.ReadEndpoint(reader, member.Value.Start, endpoint);
                }

                break;
            case "PersistentKeepalive":
                reader.TryReadInteger(
                    member,
                    0,
                    PeerConfig.MaxPersistentKeepalive,
                    "a whole number of seconds",
                    "",
                    out var keepalive
                );
                draft.PersistentKeepalive = keepalive;
                break;
            case "AllowedPorts":
                draft.AllowedPorts = AllowedPortsReader.Read(reader, member);
                break;
            default:
                throw new InvalidOperationException($"{member.Field.Name} is no field of a peer.");
        }
    }

    private static void ReadNetworks(in FieldReader reader, in Member member, PeerDraft draft)
    {
        if (member.Value.Kind != JsonKind.Array)
        {
            reader.Error(
                member,
                $"{reader.Found(member.Value)} is not a list of networks (such as [\"10.99.0.2/32\"])"
            );
            return;
        }

        var item = 0;
        for (var i = member.ValueIndex + 1; i < member.Value.Next; i = reader.Nodes[i].Next)
        {
            var node = reader.Nodes[i];
            if (node.Kind == JsonKind.String)
            {
                draft.ReadNetwork(reader, node.Start, item, reader.Text(node), maskHostBits: false);
            }
            else
            {
                reader.Error(
                    node.Start,
                    $"{member.Path}[{item}]",
                    $"{reader.Found(node)} is not a network (such as \"10.99.0.2/32\")"
                );
            }

            item++;
        }
    }
}
