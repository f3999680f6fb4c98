// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using UdpTunnel.Linux;
using UdpTunnel.Tests.Linux;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Fuzz.Targets;

/// <summary>
/// Answers of the kernel over netlink: found is what a reading word by word finds, and nothing outside of the answer is
/// read.
/// </summary>
internal sealed unsafe class NetlinkTarget : IFuzzTarget
{
    private const uint Sequence = 7;
    private const ushort Error = 2;
    private const ushort Done = 3;
    private const ushort NewLink = 16;
    private const ushort NewAddress = 20;
    private const ushort SocketFound = 20;
    private const ushort NewRoute = 24;
    private const ushort NewConfiguration = 80;

    private readonly GuardedMemory _memory = new(65_536);

    /// <inheritdoc/>
    public string Name => "netlink";

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Words { get; } =
    [
        [20, 0, 0, 0],
        [16, 0, 0, 0],
        [2, 0],
        [16, 0],
        [3, 0],
        [20, 0],
        [24, 0],
        [80, 0],
        [7, 0, 0, 0],
        [8, 0, 2, 0],
        [8, 0, 1, 0],
        [8, 0, 4, 0],
        [8, 0, 5, 0],
        [2, 24, 0, 0],
        [0xEF, 0xFF, 0xFF, 0xFF],
        [0xFF, 0xFF, 0xFF, 0x7F],
        [0, 0, 0, 0x80],
    ];

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds(Random random)
    {
        yield return Message(Error, [0, 0, 0, 0]);
        yield return
        [
            .. Message(Done, []),
            .. NetlinkAnswerTests.Message(Error, 6, [0xFF, 0xFF, 0xFF, 0xFF]),
            .. Message(Error, [0xEF, 0xFF, 0xFF, 0xFF]),
        ];
        yield return Message(NewLink, [0, 0, 1, 0, 42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        yield return
        [
            .. NetlinkAnswerTests.Message(NewLink, 8, random.Bytes(33)),
            .. Message(NewLink, random.Bytes(18)),
        ];
        yield return
        [
            .. Message(NewAddress, [2, 24, 0, 0, 5, 0, 0, 0, 8, 0, 1, 0, 10, 0, 0, 1, 8, 0, 2, 0, 10, 0, 0, 1]),
            .. Message(NewAddress, [10, 64, 0, 0, 5, 0, 0, 0, 20, 0, 1, 0, .. random.Bytes(16)]),
            .. Message(Done, [0, 0, 0, 0]),
        ];
        yield return Message(
            NewRoute,
            [
                2,
                24,
                0,
                0,
                254,
                2,
                0,
                1,
                0,
                0,
                0,
                0,
                8,
                0,
                1,
                0,
                10,
                1,
                0,
                0,
                8,
                0,
                5,
                0,
                10,
                0,
                0,
                9,
                8,
                0,
                4,
                0,
                3,
                0,
                0,
                0,
            ]
        );
        yield return Message(NewRoute, [2, 0, 0, 0, 254, 2, 0, 1, 0, 0, 0, 0, 8, 0, 5, 0, 192, 0, 2, 1]);
        yield return Message(SocketFound, random.Bytes(72));
        yield return Message(NewConfiguration, [2, 0, 0, 0, 8, 0, 2, 0, 1, 0, 0, 0]);
    }

    /// <inheritdoc/>
    public void Try(ReadOnlySpan<byte> input)
    {
        if (input.Length > _memory.Length)
        {
            return;
        }

        var answer = new ReadOnlySpan<byte>(_memory.PlaceAtEnd(input), input.Length);
        var messages = Messages(input.ToArray());
        Assert.Equal(
            First(messages, Error, 4) is { } error ? (Errno)unchecked(-Word(error, 0)) : null,
            NetlinkAnswer.FindAcknowledgement(answer, Sequence)
        );
        Assert.Equal(
            First(messages, NewLink, 8) is { } link ? Word(link, 4) : null,
            NetlinkAnswer.FindLinkIndex(answer, Sequence)
        );
        Assert.Equal(
            First(messages, SocketFound, 72) is { } socket ? (uint?)Word(socket, 64) : null,
            NetlinkAnswer.FindSocketUser(answer, Sequence)
        );
        Assert.Equal(First(messages, Done, 0) is not null, NetlinkAnswer.IsEndOfList(answer, Sequence));
        Assert.Equal(Forwarding(messages), NetlinkAnswer.FindForwarding(answer, Sequence));

        List<LinkAddress> addresses = [];
        NetlinkAnswer.AddAddresses(answer, Sequence, addresses);
        Assert.Equal(Addresses(messages), addresses);

        List<Route> routes = [];
        NetlinkAnswer.AddRoutes(answer, Sequence, routes);
        Assert.Equal(Routes(messages), routes);
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    private static byte[] Message(ushort type, byte[] body) => NetlinkAnswerTests.Message(type, Sequence, body);

    /// <summary>The answers to the request, up to the first message that is none (netlink(7)).</summary>
    private static List<(ushort Type, byte[] Body)> Messages(byte[] bytes)
    {
        List<(ushort Type, byte[] Body)> messages = [];
        long at = 0;
        while (at + 16 <= bytes.Length)
        {
            long length = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan((int)at));
            if (length < 16 || at + length > bytes.Length)
            {
                break;
            }

            if (BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan((int)at + 8)) == Sequence)
            {
                var type = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan((int)at + 4));
                messages.Add((type, bytes[((int)at + 16)..(int)(at + length)]));
            }

            // Messages begin at multiples of 4.
            at += (length + 3) / 4 * 4;
        }

        return messages;
    }

    private static byte[]? First(List<(ushort Type, byte[] Body)> messages, ushort type, int leastLength) =>
        messages.Where(m => m.Type == type && m.Body.Length >= leastLength).Select(m => m.Body).FirstOrDefault();

    private static bool? Forwarding(List<(ushort Type, byte[] Body)> messages)
    {
        foreach (var (type, body) in messages)
        {
            if (type == NewConfiguration && body.Length >= 4 && Attribute(body, 4, 2) is { } value)
            {
                return Word(value, 0) != 0;
            }
        }

        return null;
    }

    private static IEnumerable<LinkAddress> Addresses(List<(ushort Type, byte[] Body)> messages)
    {
        foreach (var (type, body) in messages)
        {
            if (
                type == NewAddress
                && body.Length >= 8
                && body[0] == 2
                && body[1] <= 32
                && Attribute(body, 8, 2) is { } local
            )
            {
                yield return new LinkAddress(Address(local), body[1], Word(body, 4));
            }
        }
    }

    private static IEnumerable<Route> Routes(List<(ushort Type, byte[] Body)> messages)
    {
        const int Unicast = 1;
        foreach (var (type, body) in messages)
        {
            if (type == NewRoute && body.Length >= 12 && body[0] == 2 && body[1] <= 32 && body[7] == Unicast)
            {
                yield return new Route(
                    Attribute(body, 12, 1) is { } network ? Address(network) : 0,
                    body[1],
                    Attribute(body, 12, 5) is { } gateway ? Address(gateway) : null,
                    Attribute(body, 12, 4) is { } link ? Word(link, 0) : null
                );
            }
        }
    }

    /// <summary>The first attribute of a type that has four bytes.</summary>
    private static byte[]? Attribute(byte[] body, int begin, ushort type)
    {
        var at = begin;
        while (at + 4 <= body.Length)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(body.AsSpan(at));
            if (length < 4 || at + length > body.Length)
            {
                return null;
            }

            if (length == 8 && BinaryPrimitives.ReadUInt16LittleEndian(body.AsSpan(at + 2)) == type)
            {
                return body[(at + 4)..(at + 8)];
            }

            at += (length + 3) / 4 * 4;
        }

        return null;
    }

    private static uint Address(byte[] bytes) => BinaryPrimitives.ReadUInt32BigEndian(bytes);

    private static int Word(byte[] bytes, int at) => BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at));
}
