// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace UdpTunnel.Relay.Wire;

/// <summary>
/// JSON objects, one for each datagram, as mcudpt writes them (to the byte) and reads them (as tolerant as Go's
/// json.Decoder).
/// <code>
///  {"PacketMessage":{"Host":"192.0.2.7:40112","Packet":"aGVsbG8="}}\n
/// </code>
/// </summary>
internal sealed unsafe class ClassicCodec : IRelayCodec
{
    /// <summary>Longest name of a client: an IPv6 address with zone and port is shorter by far.</summary>
    public const int MaxHost = 256;

    // 65,507 bytes take 87,344 in base64, and as an array of numbers, which Go reads too, up to 262,027.
    private const int Longest = 384 * 1024;

    private const int MaxDepth = 64;

    private static readonly SearchValues<byte> StringEnds = SearchValues.Create("\"\\"u8);

    // How far the object at the start was looked at without finding its end, so that one that drips in is not looked at
    // from the start each time.
    private int _scanned;
    private int _depth;
    private bool _inString;

    /// <inheritdoc/>
    public bool NamesFlows => true;

    /// <inheritdoc/>
    public int MaxFrame => Longest;

    /// <inheritdoc/>
    public int FrameLength(int datagram, ReadOnlySpan<byte> label) =>
        label.Length + Base64.GetMaxEncodedToUtf8Length(datagram) + End.Length;

    private static ReadOnlySpan<byte> End => "\"}}\n"u8;

    /// <inheritdoc/>
    public byte[] MakeLabel(ReadOnlySpan<byte> host)
    {
        var label = new List<byte>(64 + host.Length);
        label.AddRange("{\"PacketMessage\":{\"Host\":\""u8);
        Span<byte> encoded = stackalloc byte[4];
        while (!host.IsEmpty)
        {
            // What is no UTF-8 becomes U+FFFD, as Go writes it.
            var status = Rune.DecodeFromUtf8(host, out var rune, out var length);
            host = host[length..];
            if (status != OperationStatus.Done)
            {
                label.AddRange("\\ufffd"u8);
            }
            else if (Escape(rune.Value) is { } escape)
            {
                label.AddRange(Encoding.ASCII.GetBytes(escape));
            }
            else
            {
                label.AddRange(encoded[..rune.EncodeToUtf8(encoded)]);
            }
        }

        label.AddRange("\",\"Packet\":\""u8);
        return [.. label];
    }

    /// <inheritdoc/>
    public int WriteDatagram(Span<byte> output, uint flowId, ReadOnlySpan<byte> label, ReadOnlySpan<byte> datagram)
    {
        label.CopyTo(output);
        _ = Base64.EncodeToUtf8(datagram, output[label.Length..], out _, out var encoded);
        End.CopyTo(output[(label.Length + encoded)..]);
        return label.Length + encoded + End.Length;
    }

    /// <inheritdoc/>
    public int WriteControl(Span<byte> output, FrameType type, uint flowId, ReadOnlySpan<byte> payload) => 0;

    /// <inheritdoc/>
    public FrameStatus Read(byte* start, int length, out RelayFrame frame, out int consumed)
    {
        frame = default;
        consumed = 0;
        var end = FindEnd(new ReadOnlySpan<byte>(start, length));
        if (end <= 0)
        {
            return end < 0 || length >= Longest ? FrameStatus.Malformed : FrameStatus.Incomplete;
        }

        _scanned = 0;
        var message = new ClassicMessage(start, end);
        if (!message.TryRead())
        {
            return FrameStatus.Malformed;
        }

        consumed = end;
        frame = new RelayFrame
        {
            Type = FrameType.Datagram,
            Host = message.Host,
            Start = message.Packet,
            Length = message.PacketLength,
        };
        return FrameStatus.Complete;
    }

    /// <summary>As Go's encoder escapes it; null if it stands for itself.</summary>
    private static string? Escape(int rune) =>
        rune switch
        {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            < 0x20 or '<' or '>' or '&' or 0x2028 or 0x2029 => $"\\u{rune:x4}",
            _ => null,
        };

    /// <summary>Looks for the end of the first object, from where the last look ended.</summary>
    /// <returns>The position behind it; 0 if it is not there yet; -1 if this is no object.</returns>
    private int FindEnd(ReadOnlySpan<byte> bytes)
    {
        var at = _scanned;
        if (at == 0)
        {
            _depth = 0;
            _inString = false;
        }

        while (at < bytes.Length)
        {
            if (_inString)
            {
                var step = bytes[at..].IndexOfAny(StringEnds);
                if (step < 0)
                {
                    at = bytes.Length;
                    break;
                }

                at += step;
                if (bytes[at] == '\\')
                {
                    if (at + 1 == bytes.Length)
                    {
                        break;
                    }

                    at += 2;
                    continue;
                }

                _inString = false;
                at++;
                continue;
            }

            var c = bytes[at++];
            if (_depth == 0 && c != '{')
            {
                if (c is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')
                {
                    continue;
                }

                return -1;
            }

            switch (c)
            {
                case (byte)'"':
                    _inString = true;
                    break;
                case (byte)'{' or (byte)'[':
                    if (++_depth > MaxDepth)
                    {
                        return -1;
                    }

                    break;
                case (byte)'}' or (byte)']':
                    if (--_depth == 0)
                    {
                        return at;
                    }

                    break;
            }
        }

        _scanned = at;
        return 0;
    }
}
