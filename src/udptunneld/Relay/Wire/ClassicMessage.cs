// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace UdpTunnel.Relay.Wire;

/// <summary>
/// Reads one whole JSON object of the classic protocol, in place: base64 is decoded over the bytes that it came from.
/// Follows Go's encoding/json where mcudpt depends on it: keys in any order and case, the last of two wins, unknown
/// keys are skipped, <c>null</c> leaves a field as it is, a packet may be base64 or an array of numbers.
/// </summary>
internal unsafe ref struct ClassicMessage(byte* start, int length)
{
    private InPlaceJson _json = new(start, length);
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
        if (!_json.Take('{'))
        {
            return false;
        }

        if (!_json.Take('}'))
        {
            do
            {
                if (
                    !_json.TryReadKey(out var key) || !(Is(key, "packetmessage"u8) ? TryReadMessage() : _json.TrySkip())
                )
                {
                    return false;
                }
            } while (_json.Take(','));
            if (!_json.Take('}'))
            {
                return false;
            }
        }

        return _hasMessage && _host.Length <= ClassicCodec.MaxHost;
    }

    private static bool Is(ReadOnlySpan<byte> key, ReadOnlySpan<byte> lowerCase) =>
        Ascii.EqualsIgnoreCase(key, lowerCase);

    private bool TryReadMessage()
    {
        if (_json.TryTakeWord("null"u8))
        {
            _hasMessage = false;
            _host = default;
            PacketLength = 0;
            return true;
        }

        if (!_json.Take('{'))
        {
            return false;
        }

        _hasMessage = true;
        if (_json.Take('}'))
        {
            return true;
        }

        do
        {
            if (
                !_json.TryReadKey(out var key)
                || !(
                    Is(key, "host"u8) ? TryReadHost()
                    : Is(key, "packet"u8) ? TryReadPacket()
                    : _json.TrySkip()
                )
            )
            {
                return false;
            }
        } while (_json.Take(','));
        return _json.Take('}');
    }

    private bool TryReadHost()
    {
        if (_json.TryTakeWord("null"u8))
        {
            return true;
        }

        if (!_json.TryReadString(out var host))
        {
            return false;
        }

        _host = host;
        return true;
    }

    private bool TryReadPacket()
    {
        if (_json.TryTakeWord("null"u8))
        {
            PacketLength = 0;
            return true;
        }

        if (_json.Take('['))
        {
            return TryReadNumbers();
        }

        if (
            !_json.TryReadString(out var base64)
            || Base64.DecodeFromUtf8InPlace(base64, out var decoded) != OperationStatus.Done
        )
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
        Packet = _json.Position;
        PacketLength = 0;
        if (_json.Take(']'))
        {
            return true;
        }

        do
        {
            if (!_json.TryReadByte(out var value))
            {
                return false;
            }

            Packet[PacketLength++] = value;
        } while (_json.Take(','));
        return _json.Take(']');
    }
}
