using System.Buffers.Binary;
using UdpTunnel.Linux;
using UdpTunnel.Tests.Linux;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Fuzz.Targets;

/// <summary>Answers of the kernel over netlink: found is what a reading word by word finds, and nothing outside of the answer is read.</summary>
internal sealed unsafe class NetlinkTarget : IFuzzTarget
{
    private const uint Sequence = 7;
    private const ushort Error = 2;
    private const ushort NewLink = 16;

    private readonly GuardedMemory _memory = new(65_536);

    /// <inheritdoc/>
    public string Name => "netlink";

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Words { get; } =
        [[20, 0, 0, 0], [16, 0, 0, 0], [2, 0], [16, 0], [3, 0], [7, 0, 0, 0], [0xEF, 0xFF, 0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0x7F], [0, 0, 0, 0x80]];

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds(Random random)
    {
        yield return NetlinkAnswerTests.Message(Error, Sequence, [0, 0, 0, 0]);
        yield return [.. NetlinkAnswerTests.Message(3, Sequence, []), .. NetlinkAnswerTests.Message(Error, 6, [0xFF, 0xFF, 0xFF, 0xFF]), .. NetlinkAnswerTests.Message(Error, Sequence, [0xEF, 0xFF, 0xFF, 0xFF])];
        yield return NetlinkAnswerTests.Message(NewLink, Sequence, [0, 0, 1, 0, 42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        yield return [.. NetlinkAnswerTests.Message(NewLink, 8, random.Bytes(33)), .. NetlinkAnswerTests.Message(NewLink, Sequence, random.Bytes(18))];
    }

    /// <inheritdoc/>
    public void Try(ReadOnlySpan<byte> input)
    {
        if (input.Length > _memory.Length)
        {
            return;
        }

        var answer = new ReadOnlySpan<byte>(_memory.PlaceAtEnd(input), input.Length);
        var bytes = input.ToArray();
        Assert.Equal(Naive(bytes, Error, bodyLength: 4) is { } error ? (Errno)unchecked(-Word(bytes, error)) : null, NetlinkAnswer.FindAcknowledgement(answer, Sequence));
        Assert.Equal(Naive(bytes, NewLink, bodyLength: 8) is { } link ? Word(bytes, link + 4) : null, NetlinkAnswer.FindLinkIndex(answer, Sequence));
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    /// <summary>The offset of the body of the first message that fits (netlink(7): messages begin at multiples of 4).</summary>
    private static int? Naive(byte[] bytes, ushort type, int bodyLength)
    {
        for (long at = 0; at + 16 <= bytes.Length;)
        {
            long length = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan((int)at));
            if (length < 16 || at + length > bytes.Length)
            {
                return null;
            }

            if (BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan((int)at + 4)) == type
                && BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan((int)at + 8)) == Sequence
                && length >= 16 + bodyLength)
            {
                return (int)at + 16;
            }

            at += (length + 3) / 4 * 4;
        }

        return null;
    }

    private static int Word(byte[] bytes, int at) => BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at));
}
