// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Config.Json;

/// <summary>
/// Scans JSON with comments and trailing commas into nodes with their offsets. The framework's reader knows the place
/// of an error, but says what is wrong only in a message for programmers, which trimmed programs lack.
/// </summary>
/// <remarks>
/// Messages never quote what the text has at an error: it could be a piece of a secret whose quotes were forgotten.
/// </remarks>
internal ref partial struct JsonScanner
{
    /// <summary>Deepest nesting: the known fields need two levels; recursion must not depend on the text.</summary>
    private const int MaxDepth = 32;

    private readonly ReadOnlySpan<byte> _text;
    private readonly List<JsonNode> _nodes = [];
    private int _at;
    private string? _error;
    private int _errorOffset;

    private JsonScanner(ReadOnlySpan<byte> text) => _text = text;

    /// <summary>Scans a text.</summary>
    /// <param name="utf8">The text, valid UTF-8.</param>
    /// <param name="nodes">The nodes, the root first; incomplete after an error.</param>
    /// <param name="error">What is wrong; null if nothing.</param>
    /// <returns>Offset of the error.</returns>
    public static int Scan(ReadOnlySpan<byte> utf8, out List<JsonNode> nodes, out string? error)
    {
        var scanner = new JsonScanner(utf8);
        scanner.ScanText();
        nodes = scanner._nodes;
        error = scanner._error;
        return scanner._errorOffset;
    }

    private void ScanText()
    {
        if (!SkipBlank())
        {
            return;
        }

        if (_at == _text.Length)
        {
            Fail(0, "the text is empty; a JSON object is expected ({ … })");
        }
        else if (ScanValue(1) && SkipBlank() && _at < _text.Length)
        {
            Fail(_at, $"{Describe()} follows the end of the JSON value; nothing may");
        }
    }

    private bool ScanValue(int depth)
    {
        if (_at == _text.Length)
        {
            return Fail(_at, "the text ends where a value is expected");
        }

        switch (_text[_at])
        {
            case (byte)'{':
                return ScanObject(depth);
            case (byte)'[':
                return ScanArray(depth);
            case (byte)'"':
                return ScanString();
            case (byte)'-' or (>= (byte)'0' and <= (byte)'9'):
                return ScanNumber();
            case (byte)'\'':
                return Fail(_at, "a string stands in double quotes, not in single quotes");
        }

        return ScanLiteral("true"u8, JsonKind.True)
            || ScanLiteral("false"u8, JsonKind.False)
            || ScanLiteral("null"u8, JsonKind.Null)
            || Fail(
                _at,
                $"{Describe()} is not a value (a string in quotes, a number, true, false, null, […] or {{…}})"
            );
    }

    private bool ScanObject(int depth)
    {
        if (!Open(depth, JsonKind.Object, out var index))
        {
            return false;
        }

        while (true)
        {
            if (!SkipBlank())
            {
                return false;
            }

            if (AcceptClose('}', index))
            {
                return true;
            }

            if (_at == _text.Length)
            {
                return FailUnclosed(index, '}');
            }

            if (_text[_at] != '"')
            {
                return Fail(_at, $"{Describe()} stands where a field's name in double quotes or '}}' is expected");
            }

            if (!ScanString() || !SkipBlank())
            {
                return false;
            }

            if (!Accept(':'))
            {
                return Fail(_at, $"{Describe()} stands where ':' is expected after the field's name");
            }

            if (!SkipBlank() || !ScanValue(depth + 1) || !ScanSeparator(index, '}'))
            {
                return false;
            }
        }
    }

    private bool ScanArray(int depth)
    {
        if (!Open(depth, JsonKind.Array, out var index))
        {
            return false;
        }

        while (true)
        {
            if (!SkipBlank())
            {
                return false;
            }

            if (AcceptClose(']', index))
            {
                return true;
            }

            if (_at == _text.Length)
            {
                return FailUnclosed(index, ']');
            }

            if (!ScanValue(depth + 1) || !ScanSeparator(index, ']'))
            {
                return false;
            }
        }
    }

    /// <summary>Takes the comma after an item or member; a closing bracket is left for the caller.</summary>
    private bool ScanSeparator(int index, char close)
    {
        if (!SkipBlank())
        {
            return false;
        }

        if (_at == _text.Length)
        {
            return FailUnclosed(index, close);
        }

        return Accept(',')
            || _text[_at] == close
            || Fail(_at, $"{Describe()} stands where ',' or '{close}' is expected");
    }

    private bool ScanString()
    {
        var start = _at++;
        var error = JsonString.Scan(_text, ref _at);
        return error is null ? Add(JsonKind.String, start) : Fail(_at == _text.Length ? start : _at, error);
    }

    private bool ScanNumber()
    {
        var start = _at;
        Accept('-');
        var digits = _at;
        SkipDigits();
        if (_at == digits || (_text[digits] == '0' && _at > digits + 1))
        {
            return Fail(start, "this is not a number: it begins with a digit, and with 0 only if the whole part is 0");
        }

        if (Accept('.') && !SkipDigits())
        {
            return Fail(start, "this is not a number: a digit follows the decimal point");
        }

        if (Accept('e') || Accept('E'))
        {
            if (!Accept('+'))
            {
                Accept('-');
            }

            if (!SkipDigits())
            {
                return Fail(start, "this is not a number: a digit follows the exponent's sign");
            }
        }

        return Add(JsonKind.Number, start);
    }

    private bool ScanLiteral(ReadOnlySpan<byte> word, JsonKind kind)
    {
        if (!_text[_at..].StartsWith(word))
        {
            return false;
        }

        var start = _at;
        _at += word.Length;
        return Add(kind, start);
    }
}
