// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Tests.Relay;

/// <summary>Feeds a codec with a stream that comes in pieces, as a connection does.</summary>
internal static unsafe class FrameFeed
{
    /// <summary>Compares the flow and the bytes of a datagram.</summary>
    public static bool SameDatagram((uint Flow, byte[] Bytes) x, (uint Flow, byte[] Bytes) y) =>
        x.Flow == y.Flow && x.Bytes.AsSpan().SequenceEqual(y.Bytes);

    /// <summary>All frames of a stream; fails if it is malformed or ends within one.</summary>
    public static List<ReadFrame> Read(IRelayCodec codec, byte[] stream, Random random)
    {
        var frames = new List<ReadFrame>();
        var bytes = stream.ToArray();
        var there = 0;
        var at = 0;
        fixed (byte* start = bytes)
        {
            while (true)
            {
                var status = codec.Read(start + at, there - at, out var frame, out var consumed);
                Assert.NotEqual(FrameStatus.Malformed, status);
                if (status == FrameStatus.Complete)
                {
                    frames.Add(new ReadFrame(frame.FlowId, frame.Host.ToArray(), frame.Payload.ToArray()));
                    at += consumed;
                }
                else if (there == bytes.Length)
                {
                    break;
                }
                else
                {
                    there = Math.Min(bytes.Length, there + 1 + random.Next(random.Next(4) == 0 ? 40_000 : 40));
                }
            }

            Assert.True(bytes.AsSpan(at).Trim("\n \r\t"u8).IsEmpty, "the stream ends within a frame");
        }

        return frames;
    }

    /// <summary>What one text is for a codec that sees it all at once.</summary>
    public static FrameStatus ReadOne(IRelayCodec codec, byte[] text, out ReadFrame frame)
    {
        fixed (byte* start = text.ToArray())
        {
            var status = codec.Read(start, text.Length, out var read, out _);
            frame = new ReadFrame(read.FlowId, read.Host.ToArray(), read.Payload.ToArray());
            return status;
        }
    }

    /// <summary>A frame that outlives the buffer it came from.</summary>
    internal sealed record ReadFrame(uint FlowId, byte[] Host, byte[] Payload);
}
