// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;
using UdpTunnel.Tests.Filter;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Fuzz.Targets;

/// <summary>
/// Any bytes as a packet that is answered: nothing outside of it is read, nothing is written behind the longest answer,
/// and an answer is a packet without a fault that gets none itself.
/// </summary>
internal sealed unsafe class ReplyTarget : IFuzzTarget
{
    private readonly GuardedMemory _about = new(65_536);
    private readonly GuardedMemory _reply = new(IcmpError.MaxLength);

    /// <inheritdoc/>
    public string Name => "replies";

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Words { get; } =
    [
        [0x45, 0],
        [6],
        [17],
        [1],
        [8, 0],
        [0x20, 0],
        [0x50, 2],
        [0x50, 4],
        [0x60, 0, 0, 0],
        [58],
        [44],
        [60, 0],
        [0xFF, 2],
        [224, 0, 0, 1],
        [127, 0, 0, 1],
    ];

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds(Random random)
    {
        foreach (byte protocol in (byte[])[FilterPacket.Tcp, FilterPacket.Udp, FilterPacket.Icmp])
        {
            foreach (bool isV6 in (bool[])[false, true])
            {
                yield return new FilterPacket
                {
                    Protocol = protocol,
                    IsV6 = isV6,
                    TcpFlags = (byte)random.Next(64),
                }.Build();
                yield return new FilterPacket
                {
                    Protocol = protocol,
                    IsV6 = isV6,
                    Payload = 1400,
                    MoreFragments = true,
                }.Build();
            }
        }
    }

    /// <inheritdoc/>
    public void Try(ReadOnlySpan<byte> input)
    {
        byte* at = _about.PlaceAtEnd(input.ToArray());
        var about = PacketView.Parse(at, input.Length);
        byte* room = _reply.PlaceAtEnd(new byte[IcmpError.MaxLength]);
        foreach (IcmpErrorKind kind in Enum.GetValues<IcmpErrorKind>())
        {
            AssertFinal(room, IcmpError.Write(room, about, kind, input.Length));
        }

        room = _reply.PlaceAtEnd(new byte[TcpReset.MaxLength]);
        AssertFinal(room, TcpReset.Write(room, about));
        Assert.True(input.SequenceEqual(new ReadOnlySpan<byte>(at, input.Length)));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _about.Dispose();
        _reply.Dispose();
    }

    private static void AssertFinal(byte* reply, int length)
    {
        if (length == 0)
        {
            return;
        }

        var view = PacketView.Parse(reply, length);
        Assert.Equal(DropReason.None, view.Fault);
        byte* another = stackalloc byte[IcmpError.MaxLength];
        Assert.Equal(0, TcpReset.Write(another, view));
        Assert.True(view.Protocol == Ipv4Header.Tcp || IcmpError.Write(another, view, IcmpErrorKind.Prohibited) == 0);
    }
}
