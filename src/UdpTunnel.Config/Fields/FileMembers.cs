using UdpTunnel.Config.Json;

namespace UdpTunnel.Config.Fields;

/// <summary>
/// The members of a file's object, sorted into those to read and those that are mistakes already by their name.
/// </summary>
internal sealed class FileMembers
{
    private readonly List<Member> _names = [];
    private readonly List<Member> _others = [];

    private FileMembers(FileKinds kind) => Kind = kind;

    /// <summary>What the file describes.</summary>
    public FileKinds Kind { get; }

    /// <summary>The members <c>Name</c>: one, unless it is missing or given twice.</summary>
    public IReadOnlyList<Member> Names => _names;

    /// <summary>The other members of this kind of file with a value: null is the same as no field.</summary>
    public IReadOnlyList<Member> Others => _others;

    /// <summary>Sorts the members and remarks upon those that are unknown, misplaced, given twice or missing.</summary>
    public static FileMembers Read(in FieldReader reader)
    {
        var found = Enumerate(reader);
        var members = new FileMembers(KindOf(found));
        var firstOffsets = new Dictionary<Field, int>();
        var given = new HashSet<Field>();
        foreach (var (name, offset, value) in found)
        {
            if (!KnownFields.TryFind(name, out var field))
            {
                members.ReportUnknown(reader, name, offset);
                continue;
            }

            if (!firstOffsets.TryAdd(field, offset))
            {
                // Neither place nor value of a repetition is worth the work when nobody will read about it.
                if (!reader.HasRoomForErrors)
                {
                    reader.Error(offset, field.Name, "");
                    continue;
                }

                var (line, column) = reader.Position(firstOffsets[field]);
                reader.Error(offset, field.Name, $"is given twice; the first is at {line}:{column}");
            }

            if ((field.Kinds & members.Kind) == 0)
            {
                reader.Error(
                    offset,
                    field.Name,
                    $"belongs to a {Name(field.Kinds)} file; this is a {Name(members.Kind)} file");
            }
            else if (reader.Nodes[value].Kind != JsonKind.Null)
            {
                given.Add(field);
                var list = field == KnownFields.Name ? members._names : members._others;
                list.Add(new Member(field, reader.Nodes[value], value));
            }
        }

        foreach (var field in KnownFields.Of(members.Kind).Where(f => f.Required is not null && !given.Contains(f)))
        {
            reader.Error(reader.Nodes[0].Start, field.Name, $"is missing ({field.Required})");
        }

        return members;
    }

    private static List<(string Name, int Offset, int Value)> Enumerate(in FieldReader reader)
    {
        var found = new List<(string Name, int Offset, int Value)>();
        for (var i = 1; i < reader.Nodes.Count; i = reader.Nodes[i + 1].Next)
        {
            found.Add((reader.Text(reader.Nodes[i]), reader.Nodes[i].Start, i + 1));
        }

        return found;
    }

    /// <summary>
    /// <c>Relay</c> makes a relay file. Without it, one that has fields of a relay and none of a tunnel is a relay file
    /// that lacks it: that gives one remark instead of one for each field.
    /// </summary>
    private static FileKinds KindOf(List<(string Name, int Offset, int Value)> found)
    {
        var kinds = FileKinds.None;
        foreach (var (name, _, _) in found)
        {
            if (KnownFields.TryFind(name, out var field))
            {
                if (field == KnownFields.Relay)
                {
                    return FileKinds.Relay;
                }

                kinds |= field == KnownFields.Name ? FileKinds.None : field.Kinds;
            }
        }

        return kinds == FileKinds.Relay ? FileKinds.Relay : FileKinds.Tunnel;
    }

    private static string Name(FileKinds kind) => kind == FileKinds.Relay ? "relay" : "tunnel";

    private void ReportUnknown(in FieldReader reader, string name, int offset)
    {
        // The nearest name is not looked for when nobody will read it.
        reader.Error(offset, Excerpt.Bare(name), reader.HasRoomForErrors ? WhyUnknown(name) : "");
    }

    /// <summary>More names would fill the screen; docs/configuration.md has all.</summary>
    private const int MostShown = 14;

    private string WhyUnknown(string name)
    {
        var other = Kind == FileKinds.Tunnel ? FileKinds.Relay : FileKinds.Tunnel;
        var likeliestFirst = KnownFields.Of(Kind).Concat(KnownFields.Of(other)).Select(f => f.Name);
        if (Suggestion.Nearest(name, likeliestFirst) is not { } nearest)
        {
            var names = KnownFields.Of(Kind).Select(f => f.Name).ToList();
            var fields = string.Join(", ", names.Take(MostShown))
                + (names.Count > MostShown ? $" and {names.Count - MostShown} more" : "");
            return $"is not a field of a {Name(Kind)} file ({fields})";
        }

        return KnownFields.TryFind(nearest, out var field) && (field.Kinds & Kind) == 0
            ? $"is not a field; {nearest}, the nearest, belongs to a {Name(other)} file"
            : $"is not a field; did you mean {nearest}?";
    }
}
