// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Packets;
using UdpTunnel.State;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.State;

public sealed class SessionTextTests
{
    private const string Key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    private const string Text = $"""
        udptunnel-session 1 1764000000
        peer 192.0.2.7:40112
        secure-peer 3 {Key} [2001:db8::7]:51820 up 4611686020163872411.0 4611686020163872402.16777216
        secure-peer 4 {Key} - idle 0.0 0.0
        route 10.77.0.0/24 10.88.0.1 254 0 -
        route 2001:db8:7::/48 - 100 7 fd00::1
        flow in tcp 10.0.0.2:40000 10.0.0.1:22 12
        flow out udp 10.0.0.1:5353 10.0.0.2:53 299
        flow in udp [fd00::2]:5353 [fd00::1]:53 0 3
        flow out udp [fd00::1]:5353 [fd00::2]:53 1 unanswered
        flow in tcp 10.0.0.2:40001 10.0.0.1:22 7 3 finished

        """;

    [Fact]
    public void The_text_is_the_one_that_is_documented()
    {
        var session = SessionText.Read(Text)!;

        Assert.Equal(DateTimeOffset.FromUnixTimeSeconds(1_764_000_000), session.Saved);
        Assert.Equal(IPEndPoint.Parse("192.0.2.7:40112"), session.Peer);
        Assert.Equal(
            [
                new DeviceRoute(
                    IpPrefix.Of(IPAddress.Parse("10.77.0.0"), 24),
                    IPAddress.Parse("10.88.0.1"),
                    Table: 254,
                    Metric: 0,
                    Source: null
                ),
                new DeviceRoute(
                    IpPrefix.Of(IPAddress.Parse("2001:db8:7::"), 48),
                    Gateway: null,
                    Table: 100,
                    Metric: 7,
                    IPAddress.Parse("fd00::1")
                ),
            ],
            session.Routes
        );
        Assert.Equal(
            [
                new RememberedFlow(new Flow(6, 0x0A000002, 0x0A000001, 40_000, 22), Direction.In, 12),
                new RememberedFlow(new Flow(17, 0x0A000001, 0x0A000002, 5353, 53), Direction.Out, 299),
                new RememberedFlow(
                    new Flow(
                        17,
                        new UInt128(0xFD00_0000_0000_0000, 2),
                        new UInt128(0xFD00_0000_0000_0000, 1),
                        5353,
                        53
                    ),
                    Direction.In,
                    0
                )
                {
                    Peer = 3,
                },
                new RememberedFlow(
                    new Flow(
                        17,
                        new UInt128(0xFD00_0000_0000_0000, 1),
                        new UInt128(0xFD00_0000_0000_0000, 2),
                        5353,
                        53
                    ),
                    Direction.Out,
                    1
                )
                {
                    State = FlowState.Unanswered,
                },
                new RememberedFlow(new Flow(6, 0x0A000002, 0x0A000001, 40_001, 22), Direction.In, 7)
                {
                    Peer = 3,
                    State = FlowState.FinishedByOpener,
                },
            ],
            session.Flows
        );
        Assert.Equal(
            [
                new SavedPeer(
                    3,
                    Key,
                    IPEndPoint.Parse("[2001:db8::7]:51820"),
                    true,
                    new SavedMoment(4_611_686_020_163_872_411, 0),
                    new SavedMoment(4_611_686_020_163_872_402, 16_777_216)
                ),
                new SavedPeer(4, Key, null, false, default, default),
            ],
            session.Peers
        );
        Assert.Equal(Text, SessionText.Write(session));
    }

    [Fact]
    public void What_is_written_is_read_again() => Randomised.Check(500, random =>
        {
            var address = random.Chance(50) ? random.Bytes(4) : (byte[])[0x20, .. random.Bytes(15)];
            var session = new Session(
                DateTimeOffset.FromUnixTimeSeconds(random.NextInt64(1L << 32)),
                random.Chance(80) ? new IPEndPoint(new IPAddress(address), 1 + random.Next(65_535)) : null,
                [.. Enumerable.Range(0, random.Next(50)).Select(_ => AnyFlow(random))]
            )
            {
                Peers = [.. Enumerable.Range(0, random.Next(5)).Select(_ => AnyPeer(random))],
            };

            var again = SessionText.Read(SessionText.Write(session))!;

            Assert.Equal((session.Saved, session.Peer), (again.Saved, again.Peer));
            Assert.Equal(session.Flows, again.Flows);
            Assert.Equal(session.Peers, again.Peers);
        });

    [Fact]
    public void The_peer_of_a_device_keeps_its_scope() =>
        Assert.Equal(
            IPEndPoint.Parse("[fe80::1%7]:9"),
            SessionText
                .Read(
                    SessionText.Write(
                        new Session(default, IPEndPoint.Parse("[fe80::1%7]:9"), []) { Saved = DateTimeOffset.UnixEpoch }
                    )
                )!
                .Peer
        );

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("udptunnel-session 1")]
    [InlineData("udptunnel-session 1 ")]
    [InlineData("udptunnel-session 1 -1")]
    [InlineData("udptunnel-session 1 1 1")]
    [InlineData("udptunnel-session 1 99999999999")]
    [InlineData("udptunnel-session 2 1764000000")]
    [InlineData("udptunnel-session 11764000000")]
    [InlineData("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")]
    public void What_is_no_session_is_none(string text) => Assert.Null(SessionText.Read(text));

    [Theory]
    [InlineData("peer 192.0.2.7")]
    [InlineData("peer 192.0.2.7:0")]
    [InlineData("peer 192.0.2.7:70000")]
    [InlineData("peer host:22")]
    [InlineData("peer 192.0.2.7:22 ")]
    [InlineData("flow in tcp 10.0.0.2:40000 10.0.0.1:22 2592000")]
    [InlineData("flow in tcp 10.0.0.2:40000 10.0.0.1:22 -1")]
    [InlineData("flow in tcp 10.0.0.2:40000 10.0.0.1:22")]
    [InlineData("flow in icmp 10.0.0.2:40000 10.0.0.1:22 1")]
    [InlineData("flow up tcp 10.0.0.2:40000 10.0.0.1:22 1")]
    [InlineData("flow in tcp [::1]:40000 10.0.0.1:22 1")]
    [InlineData("flow in tcp 10.0.0.2:40000 10.0.0.1:65536 1")]
    [InlineData("flow in tcp 10.0.0.2:40000 10.0.0.1:22 1 asleep")]
    [InlineData("flow in tcp 10.0.0.2:40000 10.0.0.1:22 1 opening 3")]
    [InlineData("flow in tcp 10.0.0.2:40000 10.0.0.1:22 1 3 opening 3")]
    [InlineData("flow in tcp 10.0.0.2:40000 10.0.0.1:22 1 65536")]
    [InlineData("nonsense")]
    public void A_line_that_cannot_be_read_is_left_out_alone(string line)
    {
        var session = SessionText.Read($"udptunnel-session 1 5\n{line}\nflow in udp 10.0.0.2:1 10.0.0.1:2 3\n")!;

        Assert.Null(session.Peer);
        Assert.Equal([new RememberedFlow(new Flow(17, 0x0A000002, 0x0A000001, 1, 2), Direction.In, 3)], session.Flows);
    }

    [Fact]
    public void A_damaged_text_never_throws_and_gives_no_flow_that_is_too_old() => Randomised.Check(3000, random =>
        {
            var text = Text.ToCharArray();
            for (var i = random.Next(8); i > 0; i--)
            {
                text[random.Next(text.Length)] = random.OneOf(
                    ' ',
                    '\n',
                    '\0',
                    ':',
                    '9',
                    '-',
                    '%',
                    '[',
                    '\uD800',
                    (char)random.Next(128)
                );
            }

            var session = SessionText.Read(new string(text, 0, random.Next(text.Length + 1)));

            Assert.All(session?.Flows ?? [], f => Assert.InRange(f.Age, 0u, FlowLifetimes.Longest - 1));
        });

    private static SavedPeer AnyPeer(Random random) =>
        new(
            (ushort)random.Next(65_536),
            Convert.ToBase64String(random.Bytes(32)),
            random.Chance(50) ? new IPEndPoint(new IPAddress(random.Bytes(4)), 1 + random.Next(65_535)) : null,
            random.Chance(50),
            new SavedMoment((ulong)random.NextInt64(), (uint)random.Next(1_000_000_000)),
            new SavedMoment((ulong)random.NextInt64(), (uint)random.Next(1_000_000_000))
        );

    private static RememberedFlow AnyFlow(Random random)
    {
        var isTcp = random.Chance(50);
        var isV6 = random.Chance(50);
        FlowState[] states = isTcp
            ? [.. Enum.GetValues<FlowState>().Except([FlowState.None, FlowState.Answered, FlowState.Unanswered])]
            : [FlowState.Answered, FlowState.Unanswered];
        return new(
            new Flow(
                (byte)(isTcp ? 6 : 17),
                AnyAddress(isV6, random),
                AnyAddress(isV6, random),
                (ushort)random.Next(65_536),
                (ushort)random.Next(65_536)
            ),
            random.OneOf(Direction.In, Direction.Out),
            (uint)random.Next((int)FlowLifetimes.Longest)
        )
        {
            Peer = (ushort)(random.Chance(50) ? 0 : random.Next(65_536)),
            State = random.OneOf(states),
        };
    }

    private static UInt128 AnyAddress(bool isV6, Random random) =>
        isV6
            ? new UInt128(0x2000_0000_0000_0000 | (ulong)random.NextInt64(), (ulong)random.NextInt64())
            : Flow.Mapped((uint)random.NextInt64(1L << 32));
}
