// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Unicode;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Tests.Fuzz.Targets;

/// <summary>
/// The classic relay's JSON: it is read the same whole and in pieces (of as many bytes as the first byte of the input
/// says), and what was read is, written again, read as the same.
/// </summary>
internal sealed class ClassicFrameTarget : IFuzzTarget
{
    private readonly FrameStream _stream = new(1 << 20);

    /// <inheritdoc/>
    public string Name => "classic-frames";

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Words { get; } =
        AllTargets.Words(
            "{\"PacketMessage\":{\"Host\":\"",
            "\",\"Packet\":\"",
            "\"}}\n",
            "\"Packet\":[1,2,255]",
            "null",
            "\\u00e9",
            "\\ud83d\\ude00",
            "\\ud800",
            "\\/",
            "====",
            "aGVsbG8=",
            "\"packet\":",
            "\"PACKETMESSAGE\":",
            "\"x\":[{},1e5,true]",
            ",",
            "[",
            "{",
            "}",
            "]",
            "\"",
            "\\\"",
            "\r",
            "\n",
            "\u017f"
        );

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds(Random random) =>
        AllTargets.Words(
            "9{\"PacketMessage\":{\"Host\":\"192.0.2.7:40112\",\"Packet\":\"aGVsbG8=\"}}\n{\"PacketMessage\":{\"Host\":\"[::1]:5\",\"Packet\":\"\"}}\n",
            "\u0001 { \"x\" : [1, {\"y\": null}], \"packetmessage\" : { \"packet\" : [104, 105], \"HOST\" : \"\\u0061\\n\" } } ",
            "\u007f{\"PacketMessage\":null}{}{\"PacketMessage\":{\"Host\":\"a\",\"Packet\":null}}",
            "z{\"PacketMessage\":{\"Host\":\"a\",\"Packet\":\"aGVs\\nbG8=\"}}"
        );

    /// <inheritdoc/>
    public void Try(ReadOnlySpan<byte> input)
    {
        if (input.Length < 2 || input.Length > 1 << 16)
        {
            return;
        }

        var stream = input[1..];
        var whole = _stream.Read(new ClassicCodec(), stream, stream.Length, out var frames);
        var pieces = _stream.Read(new ClassicCodec(), stream, input[0] + 1, out var sameFrames);
        Assert.Equal(whole, pieces);
        Assert.Equal(frames, sameFrames);

        var codec = new ClassicCodec();
        foreach (var frame in frames)
        {
            // What is no UTF-8 is passed as it came, and becomes U+FFFD where it is written (as Go reads and writes
            // it).
            if (!Utf8.IsValid(Convert.FromHexString(frame.Host)))
            {
                continue;
            }

            var label = codec.MakeLabel(Convert.FromHexString(frame.Host));
            var payload = Convert.FromHexString(frame.Payload);
            var output = new byte[codec.FrameLength(payload.Length, label)];
            var length = codec.WriteDatagram(output, 0, label, payload);
            Assert.True(_stream.Read(new ClassicCodec(), output.AsSpan(0, length), length, out var again));
            Assert.Equal([frame], again);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();
}
