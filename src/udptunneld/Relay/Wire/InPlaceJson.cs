// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Text;
using System.Text;

namespace UdpTunnel.Relay.Wire;

/// <summary>
/// Takes JSON apart, token by token and without a copy: a string is unescaped over the bytes that it came from, which
/// are never shorter. As lenient as Go's encoding/json and no more.
/// </summary>
/// <param name="start">The first byte; what is there is overwritten.</param>
/// <param name="length">How many bytes there are.</param>
internal unsafe ref struct InPlaceJson(byte* start, int length)
{
    private const int MaxDepth = 64;

    private readonly byte* _start = start;
    private readonly int _length = length;
    private int _at;

    /// <summary>The next byte.</summary>
    public readonly byte* Position => _start + _at;

    private readonly ReadOnlySpan<byte> Rest => new(_start + _at, _length - _at);

    /// <summary>Takes a character, and white space before it.</summary>
    /// <returns>False if something else comes.</returns>
    public bool Take(char c)
    {
        SkipWhiteSpace();
        if (_at < _length && _start[_at] == c)
        {
            _at++;
            return true;
        }

        return false;
    }

    /// <summary>Takes a literal, and white space before it.</summary>
    /// <returns>False if something else comes.</returns>
    public bool TryTakeWord(ReadOnlySpan<byte> word)
    {
        SkipWhiteSpace();
        if (!Rest.StartsWith(word))
        {
            return false;
        }

        _at += word.Length;
        return true;
    }

    /// <summary>Reads a member's key and the colon behind it.</summary>
    public bool TryReadKey(out ReadOnlySpan<byte> key)
    {
        var done = TryReadString(out var text);
        key = text;
        return done && Take(':');
    }

    /// <summary>Reads a string and leaves it unescaped where it stood.</summary>
    public bool TryReadString(out Span<byte> text)
    {
        text = default;
        if (!Take('"'))
        {
            return false;
        }

        var from = _at;
        var plain = Rest.IndexOfAny((byte)'"', (byte)'\\');
        if (plain < 0)
        {
            return false;
        }

        _at += plain;
        var to = _at;
        while (_at < _length && _start[_at] != '"')
        {
            if (_start[_at] != '\\')
            {
                _start[to++] = _start[_at++];
            }
            else if (!TryUnescape(ref to))
            {
                return false;
            }
        }

        _at++;
        text = new Span<byte>(_start + from, to - from);
        return _at <= _length && (to - from != plain || text.IndexOfAnyInRange((byte)0, (byte)0x1F) < 0);
    }

    /// <summary>Reads a number from 0 to 255.</summary>
    public bool TryReadByte(out byte value)
    {
        SkipWhiteSpace();
        if (!Utf8Parser.TryParse(Rest, out value, out var digits) || (Rest[0] == '0' && digits > 1) || Rest[0] == '+')
        {
            return false;
        }

        _at += digits;
        return true;
    }

    /// <summary>Skips a value that nobody asked for.</summary>
    public bool TrySkip() => TrySkip(0);

    private bool TryUnescape(ref int to)
    {
        if (_at + 1 >= _length)
        {
            return false;
        }

        var c = _start[_at + 1];
        _at += 2;
        switch (c)
        {
            case (byte)'"' or (byte)'\\' or (byte)'/':
                _start[to++] = c;
                return true;
            case (byte)'b':
                _start[to++] = 8;
                return true;
            case (byte)'f':
                _start[to++] = 12;
                return true;
            case (byte)'n':
                _start[to++] = 10;
                return true;
            case (byte)'r':
                _start[to++] = 13;
                return true;
            case (byte)'t':
                _start[to++] = 9;
                return true;
            case (byte)'u':
                return TryUnescapeUnit(ref to);
            default:
                return false;
        }
    }

    private bool TryUnescapeUnit(ref int to)
    {
        if (!TryReadUnit(_at, out var unit))
        {
            return false;
        }

        _at += 4;
        if (!Rune.TryCreate(unit, out var rune))
        {
            // Half of a pair alone is U+FFFD.
            rune = Rune.ReplacementChar;
            if (
                char.IsHighSurrogate(unit)
                && _at + 5 < _length
                && _start[_at] == '\\'
                && _start[_at + 1] == 'u'
                && TryReadUnit(_at + 2, out var low)
                && Rune.TryCreate(unit, low, out var pair)
            )
            {
                rune = pair;
                _at += 6;
            }
        }

        // At most as long as what it came from: 3 bytes from 6, 4 bytes from 12.
        to += rune.EncodeToUtf8(new Span<byte>(_start + to, 4));
        return true;
    }

    private readonly bool TryReadUnit(int at, out char unit)
    {
        unit = '\0';
        if (
            at + 4 > _length
            || !Utf8Parser.TryParse(new ReadOnlySpan<byte>(_start + at, 4), out ushort value, out var digits, 'x')
            || digits != 4
        )
        {
            return false;
        }

        unit = (char)value;
        return true;
    }

    private bool TrySkip(int depth)
    {
        if (depth > MaxDepth)
        {
            return false;
        }

        SkipWhiteSpace();
        if (_at >= _length)
        {
            return false;
        }

        switch (_start[_at])
        {
            case (byte)'"':
                return TryReadString(out _);
            case (byte)'{':
                return TrySkipMembers('}', hasKeys: true, depth);
            case (byte)'[':
                return TrySkipMembers(']', hasKeys: false, depth);
            default:
                return TryTakeWord("null"u8) || TryTakeWord("true"u8) || TryTakeWord("false"u8) || TrySkipNumber();
        }
    }

    private bool TrySkipMembers(char end, bool hasKeys, int depth)
    {
        _at++;
        if (Take(end))
        {
            return true;
        }

        do
        {
            if ((hasKeys && !TryReadKey(out _)) || !TrySkip(depth + 1))
            {
                return false;
            }
        } while (Take(','));
        return Take(end);
    }

    private bool TrySkipNumber()
    {
        if (
            !Utf8Parser.TryParse(Rest, out double _, out var digits)
            || _start[_at] is not ((byte)'-' or (>= (byte)'0' and <= (byte)'9'))
        )
        {
            return false;
        }

        _at += digits;
        return true;
    }

    private void SkipWhiteSpace()
    {
        while (_at < _length && _start[_at] is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')
        {
            _at++;
        }
    }
}
