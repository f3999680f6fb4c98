// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using UdpTunnel.Linux;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Linux;

public sealed unsafe class NetlinkAnswerTests
{
    private const ushort NLMSG_ERROR = 2;
    private const ushort NLMSG_DONE = 3;
    private const ushort RTM_NEWLINK = 16;

    [Fact]
    public void An_acknowledgement_says_none_or_which_error()
    {
        Assert.Equal(Errno.None, NetlinkAnswer.FindAcknowledgement(Message(NLMSG_ERROR, 7, Number(0)), 7));
        Assert.Equal(Errno.Exists, NetlinkAnswer.FindAcknowledgement(Message(NLMSG_ERROR, 7, Number(-17)), 7));
    }

    [Fact]
    public void Answers_to_other_requests_are_passed_over()
    {
        byte[] answer =
        [
            .. Message(NLMSG_ERROR, 6, Number(-1)),
            .. Message(RTM_NEWLINK, 7, new byte[18]),
            .. Message(NLMSG_ERROR, 7, Number(-19)),
        ];

        Assert.Equal(Errno.NoDevice, NetlinkAnswer.FindAcknowledgement(answer, 7));
        Assert.Null(NetlinkAnswer.FindAcknowledgement(answer, 8));
        Assert.Null(NetlinkAnswer.FindAcknowledgement([], 7));
    }

    [Fact]
    public void A_device_has_an_index()
    {
        byte[] link = [.. new byte[4], .. Number(42), .. new byte[8]];

        Assert.Equal(42, NetlinkAnswer.FindLinkIndex(Message(RTM_NEWLINK, 7, link), 7));
        Assert.Equal(
            42,
            NetlinkAnswer.FindLinkIndex([.. Message(NLMSG_DONE, 7, []), .. Message(RTM_NEWLINK, 7, link)], 7)
        );
        Assert.Null(NetlinkAnswer.FindLinkIndex(Message(RTM_NEWLINK, 8, link), 7));
        Assert.Null(NetlinkAnswer.FindLinkIndex(Message(NLMSG_ERROR, 7, link), 7));
    }

    [Fact]
    public void A_message_that_is_cut_off_says_nothing()
    {
        var whole = Message(NLMSG_ERROR, 7, Number(-17));
        for (var length = 0; length < whole.Length; length++)
        {
            Assert.Null(NetlinkAnswer.FindAcknowledgement(whole.AsSpan(0, length), 7));
        }

        Assert.Null(NetlinkAnswer.FindAcknowledgement(Message(NLMSG_ERROR, 7, [1, 2, 3]), 7));
        Assert.Null(NetlinkAnswer.FindLinkIndex(Message(RTM_NEWLINK, 7, new byte[7]), 7));
    }

    /// <remarks>
    /// Behind the bytes lies memory that ends the program when it is read; a message of length 0 must not be read for
    /// ever.
    /// </remarks>
    [Fact]
    public void Whatever_the_bytes_are_nothing_beyond_them_is_read()
    {
        using var memory = new GuardedMemory(4096);
        Randomised.Check(3000, random =>
        {
            byte[] bytes = random.Chance(50) ? random.Bytes(random.Next(200)) : Mutated(random);
            var at = memory.PlaceAtEnd(bytes);

            var errno = NetlinkAnswer.FindAcknowledgement(new ReadOnlySpan<byte>(at, bytes.Length), 7);
            _ = NetlinkAnswer.FindLinkIndex(new ReadOnlySpan<byte>(at, bytes.Length), 7);

            // An answer of 20 bytes is the shortest that can say something.
            Assert.True(bytes.Length >= 20 || errno is null);
        });
    }

    private static byte[] Mutated(Random random)
    {
        List<byte> bytes = [];
        for (var i = random.Next(1, 5); i > 0; i--)
        {
            bytes.AddRange(
                Message(
                    random.OneOf(NLMSG_ERROR, NLMSG_DONE, RTM_NEWLINK),
                    (uint)random.Next(6, 9),
                    random.Bytes(random.Next(40))
                )
            );
        }

        byte[] mutated = [.. bytes];
        for (var i = random.Next(4); i > 0; i--)
        {
            mutated[random.Next(mutated.Length)] = random.OneOf<byte>(0, 1, 15, 16, 0x7F, 0x80, 0xFF);
        }

        return mutated[..random.Next(mutated.Length + 1)];
    }

    internal static byte[] Message(ushort type, uint sequence, byte[] body)
    {
        var message = new byte[(16 + body.Length + 3) & ~3];
        BinaryPrimitives.WriteInt32LittleEndian(message, 16 + body.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(4), type);
        BinaryPrimitives.WriteUInt32LittleEndian(message.AsSpan(8), sequence);
        body.CopyTo(message, 16);
        return message;
    }

    private static byte[] Number(int number)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
        return bytes;
    }
}
