// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Filter;
using UdpTunnel.Packets;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Filter;

public sealed class PortFilterModelTests
{
    private const int Cases = 400;
    private const int Steps = 400;

    [Fact]
    public void Every_verdict_is_that_of_the_table_in_the_design() => Randomised.Check(Cases, random =>
        {
            bool carriesV6 = random.Chance(70);
            using var filter = new PortFilter(
                PortFilterCalls.Ports(22),
                versions: carriesV6 ? IpVersions.Both : IpVersions.V4
            );
            var model = new NaiveFilter { Ports = [22], CarriesV6 = carriesV6 };
            uint now = random.OneOf(0u, 1000u, int.MaxValue - 100u, uint.MaxValue - 500u);
            for (int step = 0; step < Steps; step++)
            {
                now += random.Chance(2)
                    ? 86_399u
                    : random.OneOf(0u, 0u, 0u, 0u, 0u, 0u, 1u, 1u, 1u, 7u, 9u, 10u, 29u, 30u, 119u, 150u, 239u, 300u);
                if (random.Chance(2))
                {
                    ushort[] ports = random.OneOf<ushort[]>([], [22], [53], [22, 53], [53, 40_000]);
                    filter.Ports = PortFilterCalls.Ports(ports);
                    model.Ports = [.. ports.Select(port => (int)port)];
                }

                Direction direction = random.OneOf(Direction.Out, Direction.In);
                byte[] packet = AnyPacket(random);
                Assert.Equal(model.Check(direction, packet, now), filter.Check(direction, packet, now));
            }

            Assert.Equal(
                model.CountFlows(Direction.Out, now) + model.CountFlows(Direction.In, now),
                filter.FlowCount(now)
            );
            Assert.Equal(filter.FlowCount(now), filter.Flows(now).Count);
        });

    [Fact]
    public void Random_steps_meet_every_verdict_of_the_filter()
    {
        // Guards the test above against a generator that has become too tame.
        var seen = new HashSet<DropReason>();
        var random = new Random(1);
        var model = new NaiveFilter { Ports = [22, 53], CarriesV6 = true };
        for (int step = 0; step < 5000; step++)
        {
            seen.Add(model.Check(random.OneOf(Direction.Out, Direction.In), AnyPacket(random), (uint)(step / 10)));
        }

        DropReason[] expected =
        [
            DropReason.None,
            DropReason.NotIpv4,
            DropReason.Malformed,
            DropReason.Protocol,
            DropReason.IcmpType,
            DropReason.Port,
            DropReason.NoFlow,
            DropReason.Fragment,
            DropReason.LinkControl,
        ];
        Assert.Equal(expected, seen.Order());
    }

    [Fact]
    public void Where_an_ephemeral_port_is_enough_to_know_a_flow_the_verdict_is_the_predecessors() =>
        Randomised.Check(Cases, random =>
        {
            ushort allowed = (ushort)random.Next(1, 65_536);
            byte protocol = random.OneOf(FilterPacket.Tcp, FilterPacket.Udp);
            ushort[] ports = [allowed, .. Enumerable.Range(0, 6).Select(_ => (ushort)random.Next(1, 65_536))];
            using var filter = new PortFilter(PortSet.Create([new PortRange(allowed)]));
            var predecessor = new NaivePredecessor([allowed]);
            uint now = 1000;
            for (int step = 0; step < Steps; step++)
            {
                // Within the two minutes that the shortest-lived flow of ours is remembered.
                now += random.OneOf(0u, 0u, 0u, 0u, 0u, 1u);
                var packet = new FilterPacket
                {
                    Protocol = protocol,
                    SourcePort = random.OneOf(ports),
                    DestinationPort = random.OneOf(ports),
                };
                bool goesOut = random.Chance(50);
                Direction direction = goesOut ? Direction.Out : Direction.In;
                packet = goesOut ? packet : packet with { Source = packet.Destination, Destination = packet.Source };
                Assert.Equal(
                    predecessor.Passes(direction, packet.SourcePort, packet.DestinationPort, now),
                    filter.Check(direction, packet.Build(), now) == DropReason.None
                );
            }
        });

    /// <summary>Few ports and addresses, so that packets meet; one in six is damaged.</summary>
    private static byte[] AnyPacket(Random random)
    {
        ReadOnlySpan<ushort> ports = [22, 53, 40_000, 40_001, 0];
        bool fragment = random.Chance(25);
        var packet = new FilterPacket
        {
            Protocol = random.OneOf<byte>(1, 6, 6, 17, 17, (byte)random.Next(256)),
            IsV6 = random.Chance(50),
            Extensions = random.Chance(70)
                ? []
                :
                [
                    .. Enumerable
                        .Range(0, random.Next(1, 10))
                        .Select(i => random.OneOf<byte>(60, 60, 43, i == 0 ? (byte)0 : (byte)60)),
                ],
            Source = fragment || random.Chance(80) ? 0x0A000001u : 0x0A000003u,
            Destination = fragment || random.Chance(80) ? 0x0A000002u : 0x0A000004u,
            SourcePort = random.OneOf(ports),
            DestinationPort = random.OneOf(ports),
            TcpFlags = random.OneOf<byte>(0x10, 0x10, 0x10, 0x18, 0x02, 0x12, 0x11, 0x11, 0x04, 0x14, 0x03),
            IcmpType = (byte)(random.OneOf(0, 0, 128) + random.Next(16)),
            IpOptions = random.Chance(10) ? 4 * random.Next(11) : 0,
            Payload = 8 * random.Next(4),
            Id = (ushort)random.Next(2),
            FragmentOffset = fragment ? 8 * random.OneOf(0, 0, 1, 2, 3, 180, 8190) : 0,
            MoreFragments = fragment && random.Chance(70),
        };
        packet = random.Chance(50) ? packet.Reply : packet;
        byte[] bytes = packet.Build();
        return random.Next(6) != 0 ? bytes : Damaged(random, bytes);
    }

    private static byte[] Damaged(Random random, byte[] packet)
    {
        switch (random.Next(4))
        {
            case 0:
                return packet[..random.Next(packet.Length)];
            case 1:
                return [.. packet, .. random.Bytes(1 + random.Next(4))];
            case 2:
                // Cut, but with the length that belongs to it.
                packet = packet[..random.Next(packet[0] / 16 == 6 ? 40 : 20, packet.Length + 1)];
                if (packet[0] / 16 == 6)
                {
                    packet[4] = 0;
                    packet[5] = (byte)(packet.Length - 40);
                    return packet;
                }

                packet[2] = 0;
                packet[3] = (byte)packet.Length;
                return packet;
            default:
                int place = random.OneOf(0, 2, 3, 4, 5, 6, 7, 9, 25, 32, 40, 41, 42, 43, 48);
                packet[Math.Min(place, packet.Length - 1)] = (byte)random.Next(256);
                return packet;
        }
    }
}
