// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Config.Json;

/// <summary>What all of the grammar needs: blanks, brackets and single characters, and where it went wrong.</summary>
internal ref partial struct JsonScanner
{
    /// <summary>Skips white space and comments.</summary>
    private bool SkipBlank()
    {
        while (_at < _text.Length)
        {
            if (_text[_at] is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n')
            {
                _at++;
            }
            else if (_text[_at..].StartsWith("//"u8))
            {
                var length = _text[_at..].IndexOf((byte)'\n');
                _at = length < 0 ? _text.Length : _at + length;
            }
            else if (_text[_at..].StartsWith("/*"u8))
            {
                // Searched behind the opening, so that "/*/" is not a whole comment.
                var length = _text[(_at + 2)..].IndexOf("*/"u8);
                if (length < 0)
                {
                    return Fail(_at, "the comment that begins here has no end (*/)");
                }

                _at += length + 4;
            }
            else
            {
                break;
            }
        }

        return true;
    }

    private bool Open(int depth, JsonKind kind, out int index)
    {
        index = _nodes.Count;
        if (depth > MaxDepth)
        {
            return Fail(_at, $"nested too deeply (at most {MaxDepth} levels)");
        }

        _nodes.Add(new JsonNode(kind, _at, _at, index));
        _at++;
        return true;
    }

    private bool AcceptClose(char close, int index)
    {
        if (!Accept(close))
        {
            return false;
        }

        _nodes[index] = _nodes[index] with { End = _at, Next = _nodes.Count };
        return true;
    }

    private bool Accept(char c)
    {
        var isThere = _at < _text.Length && _text[_at] == c;
        _at += isThere ? 1 : 0;
        return isThere;
    }

    private bool SkipDigits()
    {
        var start = _at;
        while (_at < _text.Length && _text[_at] is >= (byte)'0' and <= (byte)'9')
        {
            _at++;
        }

        return _at > start;
    }

    private bool Add(JsonKind kind, int start)
    {
        _nodes.Add(new JsonNode(kind, start, _at, _nodes.Count + 1));
        return true;
    }

    private bool Fail(int offset, string error)
    {
        _error = error;
        _errorOffset = offset;
        return false;
    }

    private bool FailUnclosed(int index, char close) =>
        Fail(_nodes[index].Start, $"what begins here has no end ('{close}' is missing)");

    /// <summary>What stands at the current place, in words; characters only if they are JSON's own.</summary>
    private readonly string Describe()
    {
        if (_at == _text.Length)
        {
            return "the end of the text";
        }

        return _text[_at] switch
        {
            (byte)'"' => "a string",
            (byte)'-' or (>= (byte)'0' and <= (byte)'9') => "a number",
            (byte)'{' or (byte)'}' or (byte)'[' or (byte)']' or (byte)',' or (byte)':' => $"'{(char)_text[_at]}'",
            >= 0x80 when Typography.Describe(_text[_at..]) is { } lookalike => lookalike,
            (byte)'_' or >= 0x80 => "a word without quotes",
            var b when char.IsAsciiLetter((char)b) => "a word without quotes",
            _ => "a character that JSON does not have outside quotes",
        };
    }
}
