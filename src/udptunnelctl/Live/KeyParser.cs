// SPDX-License-Identifier: BSD-3-Clause

using System.Text;

namespace UdpTunnel.Cli.Live;

/// <summary>
/// Turns what a terminal sends into keys: ASCII, and the sequences of ECMA-48 and of xterm's cursor and paging keys, in
/// normal and in application mode (<c>CSI A</c>, <c>SS3 A</c>, <c>CSI 5 ~</c>). Sequences for other keys are read to
/// their end and dropped, so that none of their bytes counts as a key.
/// </summary>
/// <param name="press">Takes each key.</param>
internal sealed class KeyParser(Action<KeyPress> press)
{
    private const byte Escape = 0x1b;

    /// <summary>No key has a longer sequence; what is longer is no key.</summary>
    private const int LongestSequence = 16;

    private readonly StringBuilder _sequence = new();
    private State _state;

    private enum State
    {
        Ground,
        Escape,
        Control,
        Single,
    }

    /// <summary>
    /// Bytes have begun what may be a sequence. If no more come soon, it was the Escape key: see <see cref="Flush"/>.
    /// </summary>
    public bool IsPending => _state != State.Ground;

    /// <summary>Reads what came.</summary>
    public void Read(ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
        {
            Read(value);
        }
    }

    /// <summary>Nothing followed in time: a lone Escape is the key.</summary>
    public void Flush()
    {
        if (_state == State.Escape)
        {
            press(new KeyPress(Key.Escape));
        }

        _state = State.Ground;
    }

    private void Read(byte value)
    {
        switch (_state)
        {
            case State.Ground:
                Plain(value);
                break;
            case State.Escape:
                AfterEscape(value);
                break;
            case State.Single:
                _state = State.Ground;
                Cursor((char)value);
                break;
            default:
                InSequence(value);
                break;
        }
    }

    private void Plain(byte value)
    {
        switch (value)
        {
            case Escape:
                _state = State.Escape;
                break;
            case (byte)'\r' or (byte)'\n':
                press(new KeyPress(Key.Enter));
                break;
            case 0x7f or 0x08:
                press(new KeyPress(Key.Backspace));
                break;
            case >= 0x20 and < 0x7f:
                press(KeyPress.Of((char)value));
                break;
        }
    }

    private void AfterEscape(byte value)
    {
        _sequence.Clear();
        switch (value)
        {
            case (byte)'[':
                _state = State.Control;
                break;
            case (byte)'O':
                _state = State.Single;
                break;
            case Escape:
                press(new KeyPress(Key.Escape));
                break;
            default:
                // Alt and a key: no view knows it.
                _state = State.Ground;
                break;
        }
    }

    /// <summary>Parameter and intermediate bytes up to the final one (ECMA-48, 5.4).</summary>
    private void InSequence(byte value)
    {
        if (value is >= 0x20 and <= 0x3f && _sequence.Length < LongestSequence)
        {
            _sequence.Append((char)value);
            return;
        }

        _state = State.Ground;
        switch (value)
        {
            case (byte)'~':
                Numbered(_sequence.ToString());
                break;
            case >= 0x40 and < 0x7f:
                Cursor((char)value);
                break;
        }
    }

    private void Cursor(char final)
    {
        Key? key = final switch
        {
            'A' => Key.Up,
            'B' => Key.Down,
            'H' => Key.Home,
            'F' => Key.End,
            'M' => Key.Enter,
            _ => null,
        };
        Press(key);
    }

    private void Numbered(string number)
    {
        Key? key = number switch
        {
            "1" or "7" => Key.Home,
            "4" or "8" => Key.End,
            "5" => Key.PageUp,
            "6" => Key.PageDown,
            _ => null,
        };
        Press(key);
    }

    private void Press(Key? key)
    {
        if (key is { } known)
        {
            press(new KeyPress(known));
        }
    }
}
