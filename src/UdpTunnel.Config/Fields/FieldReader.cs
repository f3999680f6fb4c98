// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics.CodeAnalysis;
using System.Text;
using UdpTunnel.Config.Json;

namespace UdpTunnel.Config.Fields;

/// <summary>Reads values of one scanned text and remarks upon what is not allowed, with its place.</summary>
internal readonly ref struct FieldReader
{
    private readonly ReadOnlySpan<byte> _text;
    private readonly List<JsonNode> _nodes;
    private readonly DiagnosticBag _remarks;

    /// <summary>Reads from a text.</summary>
    /// <param name="text">The text without a byte order mark.</param>
    /// <param name="nodes">Its nodes.</param>
    /// <param name="remarks">Where remarks go.</param>
    public FieldReader(ReadOnlySpan<byte> text, List<JsonNode> nodes, DiagnosticBag remarks)
    {
        _text = text;
        _nodes = nodes;
        _remarks = remarks;
    }

    /// <summary>The nodes of the text.</summary>
    public IReadOnlyList<JsonNode> Nodes => _nodes;

    /// <summary>Whether an error would still be shown.</summary>
    public bool HasRoomForErrors => _remarks.HasRoom(DiagnosticSeverity.Error);

    /// <summary>Whether a warning would still be shown.</summary>
    public bool HasRoomForWarnings => _remarks.HasRoom(DiagnosticSeverity.Warning);

    /// <summary>Line and column of an offset, both counted from 1.</summary>
    public (int Line, int Column) Position(int offset)
    {
        var before = _text[..offset];
        return (before.Count((byte)'\n') + 1, offset - before.LastIndexOf((byte)'\n'));
    }

    public void Error(int offset, string field, string message) =>
        Add(DiagnosticSeverity.Error, offset, field, message);

    public void Error(in Member member, string message) => Error(member.Value.Start, member.Path, message);

    public void Warn(int offset, string field, string message) =>
        Add(DiagnosticSeverity.Warning, offset, field, message);

    public void Warn(in Member member, string message) => Warn(member.Value.Start, member.Path, message);

    /// <summary>The value as a message shows it: shortened and escaped; only its kind if the field is secret.</summary>
    public string Found(JsonNode node, bool isSecret = false) =>
        node.Kind switch
        {
            JsonKind.Object => "an object",
            JsonKind.Array => "a list",
            JsonKind.String => isSecret ? "a string" : Excerpt.Quote(Text(node)),
            JsonKind.Number => isSecret ? "a number" : Excerpt.Bare(Raw(node)),
            JsonKind.Null => "null",
            _ => Raw(node),
        };

    /// <summary>The value of a string.</summary>
    public string Text(JsonNode node) => JsonString.Decode(_text[node.Start..node.End]);

    /// <summary>A value as it stands in the text.</summary>
    public string Raw(JsonNode node) => Encoding.UTF8.GetString(_text[node.Start..node.End]);

    public bool TryReadString(in Member member, [NotNullWhen(true)] out string? value)
    {
        value = member.Value.Kind == JsonKind.String ? Text(member.Value) : null;
        if (value is null)
        {
            Error(member, $"{Found(member.Value, member.Field.IsSecret)} is not a string");
        }

        return value is not null;
    }

    public bool TryReadBoolean(in Member member, out bool value)
    {
        value = member.Value.Kind == JsonKind.True;
        var isBoolean = member.Value.Kind is JsonKind.True or JsonKind.False;
        if (!isBoolean)
        {
            Error(member, $"{Found(member.Value)} is neither true nor false");
        }

        return isBoolean;
    }

    /// <summary>Reads a whole number in digits alone.</summary>
    /// <param name="member">The member.</param>
    /// <param name="min">Least value.</param>
    /// <param name="max">Greatest value.</param>
    /// <param name="what">What it is, for the message, such as <c>an MTU</c>.</param>
    /// <param name="unit">Its unit, for the message; may be empty.</param>
    /// <param name="value">The number.</param>
    public bool TryReadInteger(in Member member, int min, int max, string what, string unit, out int value)
    {
        value = 0;
        if (
            member.Value.Kind == JsonKind.Number
            && DecimalNumber.TryParse(Raw(member.Value), max, out value)
            && value >= min
        )
        {
            return true;
        }

        Error(member, $"{Found(member.Value)} is not {what} ({min} to {max}{(unit.Length > 0 ? " " : "")}{unit})");
        return false;
    }

    /// <summary>Reads a whole number in digits alone, up to 4,294,967,295.</summary>
    /// <param name="member">The member.</param>
    /// <param name="min">Least value.</param>
    /// <param name="what">What it is, for the message, such as <c>a mark</c>.</param>
    /// <param name="value">The number.</param>
    public bool TryReadUInt32(in Member member, uint min, string what, out uint value)
    {
        value = 0;
        if (
            member.Value.Kind == JsonKind.Number
            && DecimalNumber.TryParse(Raw(member.Value), out value)
            && value >= min
        )
        {
            return true;
        }

        Error(member, $"{Found(member.Value)} is not {what} ({min} to {uint.MaxValue})");
        return false;
    }

    /// <summary>Reads the text of a key. Whichever kind of key it is, a mistake does not show it.</summary>
    public bool TryReadKeyText(in Member member, [NotNullWhen(true)] out string? text)
    {
        text = member.Value.Kind == JsonKind.String ? Text(member.Value) : null;
        if (text is null)
        {
            Error(member, $"{Found(member.Value, isSecret: true)} is not a key (base64 of 32 bytes, as a string)");
        }

        return text is not null;
    }

    /// <summary>Reads one of a few words, spelled exactly.</summary>
    public bool TryReadChoice<T>(in Member member, (string Text, T Value)[] choices, out T value)
        where T : struct, Enum
    {
        value = default;
        if (member.Value.Kind == JsonKind.String)
        {
            var text = Text(member.Value);
            foreach (var choice in choices)
            {
                if (choice.Text == text)
                {
                    value = choice.Value;
                    return true;
                }
            }
        }

        var words = string.Join(" nor ", choices.Select(c => $"\"{c.Text}\""));
        Error(member, $"{Found(member.Value)} is {(choices.Length == 1 ? "not" : "neither")} {words}");
        return false;
    }

    public bool TryReadHostPort(in Member member, [NotNullWhen(true)] out HostPort? value)
    {
        value = null;
        if (!TryReadString(member, out var text))
        {
            return false;
        }

        if (!HostPort.TryParse(text, out value, out var error))
        {
            Error(member, error);
        }

        return value is not null;
    }

    private void Add(DiagnosticSeverity severity, int offset, string field, string message)
    {
        if (!_remarks.HasRoom(severity))
        {
            _remarks.Count(severity);
            return;
        }

        var (line, column) = Position(offset);
        _remarks.Add(new Diagnostic(severity, line, column, field, message));
    }
}
