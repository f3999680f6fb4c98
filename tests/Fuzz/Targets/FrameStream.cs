// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Relay.Wire;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Fuzz.Targets;

/// <summary>
/// Reads a relay's stream as a connection does, in pieces that grow, from memory behind which nobody may read.
/// </summary>
internal sealed unsafe class FrameStream(int capacity) : IDisposable
{
    private readonly GuardedMemory _memory = new(capacity);

    /// <summary>All frames of a stream.</summary>
    /// <param name="codec">A fresh one.</param>
    /// <param name="stream">The bytes.</param>
    /// <param name="step">How many bytes come at a time.</param>
    /// <param name="frames">The frames before the end, or before what is malformed.</param>
    /// <returns>Whether it was well-formed as far as it went.</returns>
    public bool Read(IRelayCodec codec, ReadOnlySpan<byte> stream, int step, out List<Frame> frames)
    {
        frames = [];
        var bytes = stream.ToArray();
        var at = 0;
        var there = Math.Min(step, bytes.Length);
        while (true)
        {
            // In its place at the end of the memory, so that one byte too far is a fault; what the codec changed stays
            // changed.
            var length = there - at;
            var start = _memory.PlaceAtEnd(bytes.AsSpan(at, length));
            var status = codec.Read(start, length, out var frame, out var consumed);
            if (status == FrameStatus.Complete)
            {
                Assert.InRange(consumed, 1, length);
                Assert.InRange(frame.Length, 0, IRelayCodec.MaxDatagram);
                Assert.InRange(frame.Host.Length, 0, ClassicCodec.MaxHost);
                frames.Add(
                    new Frame(
                        frame.Type,
                        frame.FlowId,
                        Convert.ToHexString(frame.Host),
                        Convert.ToHexString(frame.Payload)
                    )
                );
                at += consumed;
            }
            else if (status == FrameStatus.Malformed)
            {
                return false;
            }
            else if (there == bytes.Length)
            {
                return true;
            }
            else
            {
                new Span<byte>(start, length).CopyTo(bytes.AsSpan(at));
                there = Math.Min(bytes.Length, there + step);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    /// <summary>A frame that outlives the memory it came from; bytes as hexadecimal digits.</summary>
    internal sealed record Frame(FrameType Type, uint Flow, string Host, string Payload);
}
