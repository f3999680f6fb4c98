using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace UdpTunnel.Relay.Wire;

/// <summary>
/// Reads one whole JSON object of the classic protocol, in place: strings are unescaped and base64 is decoded over the bytes that they came
/// from, which are never shorter. Follows Go's encoding/json where mcudpt depends on it: keys in any order and case, the last of two wins,
/// unknown keys are skipped, <c>null</c> leaves a field as it is, a packet may be base64 or an array of numbers.
/// </summary>
internal unsafe ref struct ClassicMessage(byte* start, int length)
{
    private const int MaxDepth = 64;

    private readonly byte* _start = start;
    private readonly int _length = length;
    private int _at;
    private bool _hasMessage;
    private ReadOnlySpan<byte> _host;

    /// <summary>The client's name.</summary>
    public readonly ReadOnlySpan<byte> Host => _host;

    /// <summary>First byte of the datagram.</summary>
    public byte* Packet { get; private set; } = start;

    /// <summary>Bytes of the datagram.</summary>
    public int PacketLength { get; private set; }

    /// <summary>Reads it.</summary>
    /// <returns>False if mcudpt would not take it.</returns>
    public bool TryRead()
    {
        if (!Take('{'))
        {
            return false;
        }

        if (!Take('}'))
        {
            do
            {
                if (!TryReadKey(out var key) || !(Is(key, "packetmessage"u8) ? TryReadMessage() : TrySkip(0)))
                {
                    return false;
                }
            }
            while (Take(','));
            if (!Take('}'))
            {
                return false;
            }
        }

        return _hasMessage && _host.Length <= ClassicCodec.MaxHost;
    }

    private static bool Is(ReadOnlySpan<byte> key, ReadOnlySpan<byte> lowerCase) => Ascii.EqualsIgnoreCase(key, lowerCase);

    private bool TryReadMessage()
    {
        if (TryTakeWord("null"u8))
        {
            _hasMessage = false;
            _host = default;
            PacketLength = 0;
            return true;
        }

        if (!Take('{'))
        {
            return false;
        }

        _hasMessage = true;
        if (Take('}'))
        {
            return true;
        }

        do
        {
            if (!TryReadKey(out var key)
                || !(Is(key, "host"u8) ? TryReadHost() : Is(key, "packet"u8) ? TryReadPacket() : TrySkip(0)))
            {
                return false;
            }
        }
        while (Take(','));
        return Take('}');
    }

    private bool TryReadHost()
    {
        if (TryTakeWord("null"u8))
        {
            return true;
        }

        if (!TryReadString(out var host))
        {
            return false;
        }

        _host = host;
        return true;
    }

    private bool TryReadPacket()
    {
        if (TryTakeWord("null"u8))
        {
            PacketLength = 0;
            return true;
        }

        if (Take('['))
        {
            return TryReadNumbers();
        }

        if (!TryReadString(out var base64) || Base64.DecodeFromUtf8InPlace(base64, out var decoded) != OperationStatus.Done)
        {
            return false;
        }

        fixed (byte* packet = base64)
        {
            // Never moves: it lies in the same native or pinned buffer as the rest.
            Packet = packet;
        }

        PacketLength = decoded;
        return true;
    }

    private bool TryReadNumbers()
    {
        Packet = _start + _at;
        PacketLength = 0;
        if (Take(']'))
        {
            return true;
        }

        do
        {
            SkipWhiteSpace();
            if (!Utf8Parser.TryParse(Rest, out byte value, out var digits) || (Rest[0] == '0' && digits > 1) || Rest[0] == '+')
            {
                return false;
            }

            _at += digits;
            Packet[PacketLength++] = value;
        }
        while (Take(','));
        return Take(']');
    }

    private bool TryReadKey(out ReadOnlySpan<byte> key)
    {
        var done = TryReadString(out var text);
        key = text;
        return done && Take(':');
    }

    /// <summary>Reads a string and leaves it unescaped where it stood.</summary>
    private bool TryReadString(out Span<byte> text)
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
            if (char.IsHighSurrogate(unit) && _at + 5 < _length && _start[_at] == '\\' && _start[_at + 1] == 'u'
                && TryReadUnit(_at + 2, out var low) && Rune.TryCreate(unit, low, out var pair))
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
        if (at + 4 > _length
            || !Utf8Parser.TryParse(new ReadOnlySpan<byte>(_start + at, 4), out ushort value, out var digits, 'x')
            || digits != 4)
        {
            return false;
        }

        unit = (char)value;
        return true;
    }

    /// <summary>Skips a value that nobody asked for.</summary>
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
        }
        while (Take(','));
        return Take(end);
    }

    private bool TrySkipNumber()
    {
        if (!Utf8Parser.TryParse(Rest, out double _, out var digits) || _start[_at] is not ((byte)'-' or (>= (byte)'0' and <= (byte)'9')))
        {
            return false;
        }

        _at += digits;
        return true;
    }

    private readonly ReadOnlySpan<byte> Rest => new(_start + _at, _length - _at);

    private bool Take(char c)
    {
        SkipWhiteSpace();
        if (_at < _length && _start[_at] == c)
        {
            _at++;
            return true;
        }

        return false;
    }

    private bool TryTakeWord(ReadOnlySpan<byte> word)
    {
        SkipWhiteSpace();
        if (!Rest.StartsWith(word))
        {
            return false;
        }

        _at += word.Length;
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
