// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Filter;
using UdpTunnel.Packets;
using UdpTunnel.Tests.Packets;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Tunnel;

/// <summary>What one who captures packets gets to see.</summary>
public sealed class PacketTapTests
{
    [Fact]
    public void What_was_put_in_comes_out_in_order_until_there_is_no_room_and_the_rest_is_counted() =>
        Randomised.Check(30, random =>
        {
            var tap = new PacketTap(
                ports: null,
                droppedOnly: false,
                snapLength: random.OneOf(100, 1500, 65_535),
                TimeProvider.System
            );
            var waiting = new Queue<(byte[] Bytes, DropReason Reason)>();
            long lost = 0;
            for (int step = 0; step < 3000; step++)
            {
                if (random.Chance(70))
                {
                    byte[] bytes = random.Bytes(random.OneOf(0, 1, 60, random.Next(3000), random.Next(65_536)));
                    DropReason reason = random.OneOf(DropReason.None, DropReason.Port, DropReason.Magic);
                    tap.Add(Direction.In, reason, null, bytes, bytes.Length + 5);
                    if (tap.Lost == lost)
                    {
                        waiting.Enqueue((bytes, reason));
                    }

                    lost = tap.Lost;
                }
                else if (tap.TryRead(out SeenPacket packet))
                {
                    (byte[] bytes, DropReason reason) = waiting.Dequeue();
                    Assert.Equal((bytes.Length + 5, reason), (packet.Length, packet.Reason));
                    Assert.True(bytes.AsSpan(0, packet.Bytes.Length).SequenceEqual(packet.Bytes));
                }
                else
                {
                    Assert.Empty(waiting);
                }
            }

            while (tap.TryRead(out _))
            {
                waiting.Dequeue();
            }

            Assert.Empty(waiting);
        });

    [Fact]
    public void A_reader_that_sleeps_loses_packets_and_keeps_those_that_had_room()
    {
        var tap = new PacketTap(null, droppedOnly: false, 65_535, TimeProvider.System);
        byte[] packet = new TestPacket { Payload = new byte[1000] }.Build();
        for (int i = 0; i < 10_000; i++)
        {
            tap.Add(Direction.Out, DropReason.None, null, packet, packet.Length);
        }

        int read = 0;
        while (tap.TryRead(out _))
        {
            read++;
        }

        Assert.Equal(10_000, read + tap.Lost);
        Assert.InRange(read, PacketTap.Capacity / 1200, PacketTap.Capacity / 1000);
    }

    [Fact]
    public void Only_what_was_asked_for_is_kept()
    {
        var tap = new PacketTap(
            new PortBitmap(PortSet.Create([new PortRange(80)])),
            droppedOnly: true,
            40,
            TimeProvider.System
        );
        foreach (bool isV6 in (bool[])[false, true])
        {
            Add(DropReason.None, new TestPacket { IsV6 = isV6, DestinationPort = 80 });
            Add(DropReason.Port, new TestPacket { IsV6 = isV6, DestinationPort = 81 });
            Add(
                DropReason.Port,
                new TestPacket
                {
                    IsV6 = isV6,
                    DestinationPort = 80,
                    Payload = new byte[100],
                }
            );
            Add(
                DropReason.Port,
                new TestPacket
                {
                    IsV6 = isV6,
                    SourcePort = 80,
                    IsUdp = true,
                }
            );
        }

        tap.Add(Direction.In, DropReason.Magic, null, [], 0);
        tap.Add(Direction.In, DropReason.Magic, null, [0x45, 0], 2);
        List<SeenPacket> seen = [];
        while (tap.TryRead(out SeenPacket packet))
        {
            seen.Add(packet);
        }

        Assert.Equal(4, seen.Count);
        Assert.All(seen, packet => Assert.InRange(packet.Bytes.Length, 28, 40));
        Assert.All(seen, packet => Assert.Equal(CaptureStage.Filter, packet.Stage));

        void Add(DropReason reason, TestPacket packet)
        {
            byte[] bytes = packet.Build();
            tap.Add(Direction.Out, reason, null, bytes, bytes.Length);
        }
    }

    [Fact]
    public void Every_reason_has_a_stage() =>
        Assert.All(Enum.GetValues<DropReason>(), reason =>
            Assert.True(Enum.IsDefined(new SeenPacket(default, Direction.In, reason, "", 0, []).Stage))
        );
}
