// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config.Json;

namespace UdpTunnel.Config.Fields;

/// <summary>
/// The members of an object, sorted into those to read and those that are mistakes already by their name.
/// </summary>
internal sealed class FileMembers
{
    private readonly List<Member> _names = [];
    private readonly List<Member> _others = [];
    private readonly int _peer;

    private FileMembers(FileKinds kind, int peer)
    {
        Kind = kind;
        _peer = peer;
    }

    /// <summary>What the object describes.</summary>
    public FileKinds Kind { get; }

    /// <summary>The members <c>Name</c>: one, unless it is missing or given twice.</summary>
    public IReadOnlyList<Member> Names => _names;

    /// <summary>The other members of this kind of object with a value: null is the same as no field.</summary>
    public IReadOnlyList<Member> Others => _others;

    /// <summary>
    /// Sorts the members of the file's object and remarks upon those that are unknown, misplaced, given twice or
    /// missing.
    /// </summary>
    public static FileMembers Read(in FieldReader reader)
    {
        var found = Enumerate(reader, 0);
        return Sort(reader, found, new FileMembers(KindOf(reader, found), -1), 0);
    }

    /// <summary>The same with an item of <c>Peers</c>.</summary>
    /// <param name="reader">The text.</param>
    /// <param name="node">Index of the object among the nodes.</param>
    /// <param name="peer">Index of the item.</param>
    public static FileMembers ReadPeer(in FieldReader reader, int node, int peer) =>
        Sort(reader, Enumerate(reader, node), new FileMembers(FileKinds.Peer, peer), node);

    private static FileMembers Sort(
        in FieldReader reader,
        List<(string Name, int Offset, int Value)> found,
        FileMembers members,
        int node
    )
    {
        var firstOffsets = new Dictionary<Field, int>();
        var given = new HashSet<Field>();
        foreach (var (name, offset, value) in found)
        {
            if (!KnownFields.TryFind(name, out var field))
            {
                members.ReportUnknown(reader, name, offset);
                continue;
            }

            var member = new Member(field, reader.Nodes[value], value, members._peer);
            if (!firstOffsets.TryAdd(field, offset))
            {
                // Neither place nor value of a repetition is worth the work when nobody will read about it.
                if (!reader.HasRoomForErrors)
                {
                    reader.Error(offset, field.Name, "");
                    continue;
                }

                var (line, column) = reader.Position(firstOffsets[field]);
                reader.Error(offset, member.Path, $"is given twice; the first is at {line}:{column}");
            }

            if ((field.Kinds & members.Kind) == 0)
            {
                reader.Error(
                    offset,
                    member.Path,
                    $"belongs to {Name(field.Kinds, members.Kind)}; this is {Name(members.Kind, field.Kinds)}"
                        + (members.Kind == FileKinds.WireGuard && field.WireGuardHas is { } has ? $" ({has})" : "")
                );
            }
            else if (reader.Nodes[value].Kind != JsonKind.Null)
            {
                given.Add(field);
                var list = field == KnownFields.Name ? members._names : members._others;
                list.Add(member);
            }
        }

        foreach (var field in KnownFields.Of(members.Kind))
        {
            if (field.RequiredIn(members.Kind) is { } required && !given.Contains(field))
            {
                var path = new Member(field, default, 0, members._peer).Path;
                reader.Error(reader.Nodes[node].Start, path, $"is missing ({required})");
            }
        }

        return members;
    }

    private static List<(string Name, int Offset, int Value)> Enumerate(in FieldReader reader, int node)
    {
        var found = new List<(string Name, int Offset, int Value)>();
        for (var i = node + 1; i < reader.Nodes[node].Next; i = reader.Nodes[i + 1].Next)
        {
            found.Add((reader.Text(reader.Nodes[i]), reader.Nodes[i].Start, i + 1));
        }

        return found;
    }

    /// <summary>
    /// <c>Relay</c> makes a relay file, <c>Protocol</c> decides about a tunnel. A file without them that has fields of
    /// one kind and none of another is one that lacks them: that gives one remark instead of one for each field.
    /// </summary>
    private static FileKinds KindOf(in FieldReader reader, List<(string Name, int Offset, int Value)> found)
    {
        var evidence = FileKinds.None;
        var ofOneProtocol = FileKinds.None;
        FileKinds? byProtocol = null;
        foreach (var (name, _, value) in found)
        {
            if (!KnownFields.TryFind(name, out var field))
            {
                continue;
            }

            if (field == KnownFields.Relay)
            {
                return FileKinds.Relay;
            }

            if (field == KnownFields.Protocol && reader.Nodes[value].Kind != JsonKind.Null)
            {
                byProtocol = IsWireGuard(reader, reader.Nodes[value]) ? FileKinds.WireGuard : FileKinds.Classic;
            }

            var kinds = field.Kinds & ~FileKinds.Peer;
            if (kinds != (FileKinds.Tunnel | FileKinds.Relay))
            {
                evidence |= kinds;
                ofOneProtocol |= kinds == FileKinds.Tunnel ? FileKinds.None : kinds & FileKinds.Tunnel;
            }
        }

        return evidence == FileKinds.Relay
            ? FileKinds.Relay
            : byProtocol ?? (ofOneProtocol == FileKinds.WireGuard ? FileKinds.WireGuard : FileKinds.Classic);
    }

    private static bool IsWireGuard(in FieldReader reader, JsonNode value) =>
        value.Kind == JsonKind.String
        && reader.Text(value) == Choices.Text(Choices.TunnelProtocol, TunnelProtocol.WireGuard);

    /// <summary>What a message calls some kinds of object; the protocol only where it makes the difference.</summary>
    private static string Name(FileKinds kinds, FileKinds otherKinds)
    {
        var isOtherTunnel = (otherKinds & FileKinds.Tunnel) != 0;
        return kinds switch
        {
            FileKinds.Relay => "a relay file",
            FileKinds.Peer => "an item of Peers",
            FileKinds.Classic when isOtherTunnel => "a classic tunnel",
            FileKinds.WireGuard when isOtherTunnel => "a tunnel with \"Protocol\": \"wireguard\"",
            _ => "a tunnel file",
        };
    }

    private void ReportUnknown(in FieldReader reader, string name, int offset)
    {
        // The nearest name is not looked for when nobody will read it.
        var path = _peer < 0 ? Excerpt.Bare(name) : $"{KnownFields.Peers.Name}[{_peer}].{Excerpt.Bare(name)}";
        reader.Error(offset, path, reader.HasRoomForErrors ? WhyUnknown(name) : "");
    }

    /// <summary>More names would fill the screen; docs/configuration.md has all.</summary>
    private const int MostShown = 14;

    private string WhyUnknown(string name)
    {
        var likeliestFirst = KnownFields.Of(Kind).Concat(KnownFields.All).Select(f => f.Name);
        if (Suggestion.Nearest(name, likeliestFirst) is not { } nearest)
        {
            var names = KnownFields.Of(Kind).Select(f => f.Name).ToList();
            var fields =
                string.Join(", ", names.Take(MostShown))
                + (names.Count > MostShown ? $" and {names.Count - MostShown} more" : "");
            return $"is not a field of {Name(Kind, FileKinds.None)} ({fields})";
        }

        return KnownFields.TryFind(nearest, out var field) && (field.Kinds & Kind) == 0
            ? $"is not a field; {nearest}, the nearest, belongs to {Name(field.Kinds, Kind)}"
            : $"is not a field; did you mean {nearest}?";
    }
}
