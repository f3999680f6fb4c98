// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Filter;
using UdpTunnel.Packets;
using UdpTunnel.Tests.Filter;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Fuzz.Targets;

/// <summary>
/// IP, TCP, UDP and ICMP headers in the port filter: every verdict is the naive filter's, no packet is changed, and
/// nothing outside of it is read. The option of a packet is its direction (bit 0) and the seconds since the one before
/// (the rest).
/// </summary>
internal sealed unsafe class HeaderTarget : IFuzzTarget
{
    private readonly GuardedMemory _memory = new(65_536);

    /// <inheritdoc/>
    public string Name => "headers";

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Words { get; } =
    [
        [0x45, 0],
        [0, 22],
        [0x9C, 0x40],
        [6],
        [17],
        [1],
        [8, 0],
        [0x20, 0],
        [0x40, 0],
        [0x3F, 0xFF],
        [0, 20],
        [0x50, 0x10],
        [0x46, 0],
        [10, 0, 0, 1],
        [0x60, 0, 0, 0],
        [58],
        [44],
        [60, 0],
        [0x20, 1, 0x0D, 0xB8],
    ];

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds(Random random)
    {
        for (var i = 0; i < 20; i++)
        {
            yield return PacketList.Write(
                Enumerable.Range(0, 1 + random.Next(6)).Select(_ => ((byte)random.Next(256), Packet(random)))
            );
        }
    }

    /// <inheritdoc/>
    public void Try(ReadOnlySpan<byte> input)
    {
        using var filter = new PortFilter(PortFilterCalls.Ports(22, 53), versions: IpVersions.Both);
        var model = new NaiveFilter { Ports = [22, 53], CarriesV6 = true };
        uint now = 1000;
        foreach (var (option, packet) in PacketList.Read(input))
        {
            now += (uint)(option >> 1) * 3;
            var direction = (option & 1) == 0 ? Direction.Out : Direction.In;
            var at = _memory.PlaceAtEnd(packet);

            // The engine never asks about nothing.
            if (packet.Length > 0)
            {
                Assert.Equal(model.Check(direction, packet, now), filter.Check(direction, at, packet.Length, now));
                Assert.True(packet.AsSpan().SequenceEqual(new Span<byte>(at, packet.Length)));
            }
        }

        Assert.Equal(model.CountFlows(Direction.Out, now) + model.CountFlows(Direction.In, now), filter.FlowCount(now));
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    private static byte[] Packet(Random random) =>
        new FilterPacket
        {
            Protocol = random.OneOf(FilterPacket.Tcp, FilterPacket.Udp, FilterPacket.Icmp),
            IsV6 = random.Chance(50),
            Extensions = random.Chance(70) ? [] : [60, 43],
            MoreFragments = random.Chance(20),
            SourcePort = random.OneOf<ushort>(22, 53, 40_000),
            DestinationPort = random.OneOf<ushort>(22, 53, 40_000),
        }.Build();
}
