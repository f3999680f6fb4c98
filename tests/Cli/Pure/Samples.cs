// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli;

/// <summary>Messages to show.</summary>
internal static class Samples
{
    public static readonly DateTimeOffset Now = new(2026, 3, 4, 12, 0, 0, TimeSpan.Zero);

    /// <summary>Texts that a terminal or a layout could choke on.</summary>
    private static readonly string[] Hostile =
    [
        "",
        "home",
        "\x1b]0;owned\a\x1b[2J\x1b[31mred",
        "line\nfeed\r\ttab\0nul\x7f\u009b31m",
        "\u202egnp.exe\u202c\u2066\u2028\u2029",
        new string('w', 300),
        string.Concat(Enumerable.Repeat("\u6f22\u5b57", 90)),
        string.Concat(Enumerable.Repeat("a\u0301", 120)),
        string.Concat(Enumerable.Repeat("word ", 60)),
        "\ud800 lone \udc00",
        "\U0001F600\U0001F600",
        "%s {0} $(reboot) `id`",
    ];

    /// <summary>A tunnel as it mostly is: a server that runs.</summary>
    public static Tunnel Server() =>
        new()
        {
            Name = "home",
            Mode = TunnelMode.Server,
            Protocol = TunnelProtocol.Classic,
            TunnelAddresses = { "10.0.0.1/24" },
            State = TunnelState.Running,
            Device = "tun0",
            TunnelAddress = "10.0.0.1/24",
            NetworkAddress = ":8000",
            LocalPort = 8000,
            Mtu = 1300,
            AllowedPorts =
            {
                new PortRange { First = 22, Last = 22 },
                new PortRange { First = 8000, Last = 8010 },
            },
            Started = Timestamp.FromDateTimeOffset(Now.AddHours(-3)),
            Peer = new Peer
            {
                Endpoint = "192.0.2.7:40112",
                LastHeard = Timestamp.FromDateTimeOffset(Now.AddSeconds(-12)),
            },
            Offloads = new Offloads
            {
                TunTcp = true,
                UdpSegment = true,
                UdpGro = true,
            },
            HeartbeatInterval = 30,
            Counters = new Counters
            {
                PacketsOut = 1_234_567,
                BytesOut = 1_610_612_736,
                PacketsIn = 1,
                BytesIn = 512,
                HeartbeatsIn = 40,
                PeerChanges = 1,
                Flows = 3,
                Drops =
                {
                    new Drops
                    {
                        Reason = DropReason.Port,
                        Direction = Direction.In,
                        Packets = 3,
                    },
                    new Drops
                    {
                        Reason = DropReason.NoFlow,
                        Direction = Direction.In,
                        Packets = 12,
                    },
                },
            },
            Rates = new Rates
            {
                BytesOutPerSecond = 150_000,
                PacketsOutPerSecond = 120,
                BytesInPerSecond = 12.5,
                PacketsInPerSecond = 0.5,
            },
        };

    /// <summary>A client that has heard nothing.</summary>
    public static Tunnel Client() =>
        new()
        {
            Name = "office",
            Mode = TunnelMode.Client,
            Protocol = TunnelProtocol.Classic,
            TunnelAddresses = { "10.0.1.2/24" },
            State = TunnelState.Waiting,
            Device = "tun1",
            TunnelAddress = "10.0.1.2/24",
            NetworkAddress = "vpn.example:8000",
            LocalPort = 40112,
            Mtu = 1300,
            AllowedPorts =
            {
                new PortRange { First = 22, Last = 22 },
            },
            Peer = new Peer { Endpoint = "203.0.113.5:8000" },
            HeartbeatInterval = 30,
        };

    /// <summary>A secure tunnel with two peers, one of which is there.</summary>
    public static Tunnel Secure() =>
        new()
        {
            Name = "wg0",
            Mode = TunnelMode.Peer,
            Protocol = TunnelProtocol.Wireguard,
            State = TunnelState.Running,
            Device = "wg0",
            TunnelAddress = "10.99.0.1/24",
            TunnelAddresses = { "10.99.0.1/24", "fd00:99::1/64" },
            LocalPort = 51820,
            Mtu = 1420,
            AllowedPorts =
            {
                new PortRange { First = 1, Last = 65535 },
            },
            Started = Timestamp.FromDateTimeOffset(Now.AddHours(-3)),
            Peer = new Peer { LastHeard = Timestamp.FromDateTimeOffset(Now.AddSeconds(-2)) },
            PublicKey = "ZX68P+CFxAdSQ4XP2Y/J3tm09b7acv5z10ekIsTr800=",
            Peers = { Laptop(), Phone() },
            PeerCount = 2,
            Counters = new Counters
            {
                PacketsOut = 10,
                BytesOut = 10_000,
                PacketsIn = 20,
                BytesIn = 2_000,
            },
            Rates = new Rates(),
        };

    /// <summary>A token for <c>home</c>, good for a day from <see cref="Now"/> on.</summary>
    public const string Token =
        "utj1_SP234PKzlv04ShqslSPM0iHgDf-iaK46kWHjug--wHhlfrw_4IXEB1JDhc_Zj8ne2bT1vtpy_nPXR6QixOvzTWmpcEAFjAR"
        + "ob21lFXZwbi5leGFtcGxlLmNvbTo1MTgyMAEYBApjAAIAAQAWABbow6Lh";

    /// <summary>The answer to an invitation.</summary>
    public static InvitePeerResponse Invited() =>
        new()
        {
            Peer = new TunnelPeer
            {
                Tunnel = "wg0",
                Name = "laptop",
                PublicKey = "rHv8wSioPHacABO02O2GlFbUs5OMfrtvbNV+IbWr8DE=",
                State = PeerState.Waiting,
                AllowedIps = { "10.99.0.2/32" },
                InvitedUntil = Timestamp.FromDateTimeOffset(Now.AddDays(1)),
            },
            PrivateKey = "SP234PKzlv04ShqslSPM0iHgDf+iaK46kWHjug++wHg=",
            PublicKey = "ZX68P+CFxAdSQ4XP2Y/J3tm09b7acv5z10ekIsTr800=",
            Endpoint = "vpn.example.com:51820",
            Addresses = { "10.99.0.2/24" },
            Mtu = 1420,
            AllowedPorts =
            {
                new PortRange { First = 22, Last = 22 },
            },
        };

    /// <summary>A peer that is there.</summary>
    public static TunnelPeer Laptop() =>
        new()
        {
            Tunnel = "wg0",
            Name = "laptop",
            PublicKey = "rHv8wSioPHacABO02O2GlFbUs5OMfrtvbNV+IbWr8DE=",
            State = PeerState.Connected,
            Endpoint = "192.0.2.7:40112",
            LastHandshake = Timestamp.FromDateTimeOffset(Now.AddSeconds(-42)),
            LastHeard = Timestamp.FromDateTimeOffset(Now.AddSeconds(-2)),
            AllowedIps = { "10.99.0.2/32", "fd00:99::2/128" },
            PersistentKeepalive = 25,
            HasPresharedKey = true,
            RoundTrip = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(12.5)),
            Counters = new PeerCounters
            {
                PacketsOut = 10,
                BytesOut = 10_000,
                PacketsIn = 20,
                BytesIn = 2_000,
                WireBytesOut = 10_500,
                WireBytesIn = 2_900,
                Handshakes = 3,
                HandshakesFailed = 1,
                KeepalivesOut = 4,
                EndpointMoves = 1,
                Drops =
                {
                    new PeerDrops { Reason = DropReason.Port, Packets = 3 },
                },
            },
        };

    /// <summary>A peer that never came, of which only the least is known.</summary>
    public static TunnelPeer Phone() =>
        new()
        {
            Tunnel = "wg0",
            Name = "RsR3QXga",
            PublicKey = "RsR3QXga8j2BxYMPuujYP4pw+Uo0wgaxEOgiTsjK138=",
            State = PeerState.Waiting,
            AllowedPorts =
            {
                new PortRange { First = 22, Last = 22 },
            },
        };

    /// <summary>Any peer that a daemon, however broken, could send.</summary>
    public static TunnelPeer AnyPeer(Random random) =>
        new()
        {
            Tunnel = Text(random),
            Name = Text(random),
            PublicKey = Text(random),
            State = (PeerState)random.Next(0, 7),
            Endpoint = Text(random),
            LastHandshake = Maybe(random, () => Time(random)),
            LastHeard = Maybe(random, () => Time(random)),
            AllowedIps = { Text(random), Text(random) },
            PersistentKeepalive = (uint)random.Next(),
            HasPresharedKey = random.Next(2) == 0,
            RoundTrip = Maybe(random, () =>
                new Duration { Seconds = random.NextInt64(long.MinValue, long.MaxValue), Nanos = random.Next() }
            ),
            Counters = Maybe(random, () => AnyPeerCounters(random)),
        };

    private static PeerCounters AnyPeerCounters(Random random) =>
        new()
        {
            BytesOut = ulong.MaxValue,
            BytesIn = (ulong)random.NextInt64(),
            Handshakes = ulong.MaxValue,
            HandshakesFailed = (ulong)random.Next(2),
            Drops =
            {
                new PeerDrops { Reason = (DropReason)random.Next(0, 60), Packets = ulong.MaxValue },
            },
        };

    private static Rates AnyRates(Random random) =>
        new()
        {
            BytesInPerSecond = Number(random),
            BytesOutPerSecond = Number(random),
            PacketsInPerSecond = Number(random),
            PacketsOutPerSecond = Number(random),
        };

    /// <summary>Any tunnel that a daemon, however broken, could send. The same seed gives the same tunnel.</summary>
    public static Tunnel Any(int seed)
    {
        var random = new Random(seed);
        var tunnel = new Tunnel
        {
            Name = Text(random),
            Mode = (TunnelMode)random.Next(0, 5),
            Protocol = (TunnelProtocol)random.Next(0, 4),
            PublicKey = Text(random),
            PeerCount = (uint)random.Next(200),
            State = (TunnelState)random.Next(0, 8),
            Problem = Text(random),
            Device = Text(random),
            TunnelAddress = Text(random),
            NetworkAddress = Text(random),
            LocalPort = (uint)random.Next(),
            Mtu = (uint)random.Next(),
            Firewall = random.Next(2) == 0,
            Ephemeral = random.Next(2) == 0,
            HeartbeatInterval = (uint)random.Next(),
        };
        for (var i = random.Next(40); i > 0; i--)
        {
            tunnel.AllowedPorts.Add(new PortRange { First = (uint)random.Next(), Last = (uint)random.Next() });
        }

        for (var i = random.Next(15); i > 0; i--)
        {
            tunnel.Peers.Add(AnyPeer(random));
            tunnel.TunnelAddresses.Add(Text(random));
        }

        tunnel.Started = Maybe(random, () => Time(random));
        tunnel.Peer = Maybe(random, () =>
            new Peer { Endpoint = Text(random), LastHeard = Maybe(random, () => Time(random)) }
        );
        tunnel.Offloads = Maybe(random, () =>
            new Offloads { TunTcp = random.Next(2) == 0, UdpGro = random.Next(2) == 0 }
        );
        tunnel.Rates = Maybe(random, () => AnyRates(random));
        tunnel.Counters = Maybe(random, () => AnyCounters(random));
        return tunnel;
    }

    /// <summary>A flow that the peer opened.</summary>
    public static TunnelFlow Flow(string source = "10.0.0.2:40112", int idle = 12) =>
        new()
        {
            Protocol = TransportProtocol.Tcp,
            OpenedBy = Direction.In,
            Source = source,
            Destination = "10.0.0.1:22",
            Idle = Duration.FromTimeSpan(TimeSpan.FromSeconds(idle)),
        };

    /// <summary>Any flow that a daemon, however broken, could send.</summary>
    public static TunnelFlow AnyFlow(Random random) =>
        new()
        {
            Protocol = (TransportProtocol)random.Next(0, 4),
            OpenedBy = (Direction)random.Next(0, 4),
            Source = Text(random),
            Destination = Text(random),
            Idle = random.Next(3) switch
            {
                0 => null,
                1 => new Duration { Seconds = random.NextInt64(long.MinValue, long.MaxValue), Nanos = random.Next() },
                _ => Duration.FromTimeSpan(TimeSpan.FromSeconds(random.Next(400))),
            },
        };

    /// <summary>
    /// One of the texts that could do harm. A protobuf string carries no lone surrogates; the views do not rely on it.
    /// </summary>
    public static string Text(Random random) => Hostile[random.Next(Hostile.Length)];

    private static Counters AnyCounters(Random random)
    {
        var counters = new Counters
        {
            PacketsOut = (ulong)random.NextInt64() * 2,
            BytesOut = ulong.MaxValue - (ulong)random.Next(),
            PacketsIn = (ulong)random.NextInt64(),
            BytesIn = (ulong)random.NextInt64(),
            HeartbeatsIn = ulong.MaxValue,
            HeartbeatsOut = ulong.MaxValue,
            PeerChanges = ulong.MaxValue,
            DnsLookups = ulong.MaxValue,
            DnsFailures = (ulong)random.NextInt64(),
            Flows = uint.MaxValue,
        };
        for (var i = random.Next(30); i > 0; i--)
        {
            counters.Drops.Add(
                new Drops
                {
                    Reason = (DropReason)random.Next(0, 20),
                    Direction = (Direction)random.Next(0, 4),
                    Packets = (ulong)random.NextInt64(),
                }
            );
        }

        return counters;
    }

    private static Timestamp Time(Random random) =>
        random.Next(4) switch
        {
            0 => new Timestamp { Seconds = random.NextInt64(long.MinValue, long.MaxValue), Nanos = random.Next() },
            1 => new Timestamp { Seconds = long.MaxValue, Nanos = -1 },
            _ => Timestamp.FromDateTimeOffset(Now.AddSeconds(random.Next(-100_000_000, 1000))),
        };

    private static double Number(Random random) =>
        random.Next(5) switch
        {
            0 => double.NaN,
            1 => double.PositiveInfinity,
            2 => -1,
            3 => double.MaxValue,
            _ => random.NextDouble() * 1e10,
        };

    private static T? Maybe<T>(Random random, Func<T> make)
        where T : class => random.Next(4) == 0 ? null : make();

    /// <summary>A SYN that was dropped.</summary>
    public static CapturePacketsResponse Captured() =>
        new()
        {
            Device = "tun0",
            LocalPort = 8000,
            Packets =
            {
                new CapturedPacket
                {
                    Time = Timestamp.FromDateTimeOffset(Now),
                    Direction = Direction.Out,
                    Stage = CaptureStage.Filter,
                    DropReason = DropReason.Port,
                    Peer = "198.51.100.1:50791",
                    Length = 60,
                    Data = ByteString.CopyFrom(
                        Convert.FromHexString(
                            "4500003c1c4640004006b1e60a0000010a0000029c400050000000010000000050020000"
                        )
                    ),
                },
            },
        };

    /// <summary>A packet that would be dropped.</summary>
    public static GetPacketTraceResponse Traced() =>
        new()
        {
            Direction = Direction.Out,
            DropReason = DropReason.Port,
            Steps =
            {
                new TraceStep { Part = "route", Message = "10.0.0.2 is reached by tun0: it goes out" },
                new TraceStep { Part = "ports", Message = "neither port 80 nor port 40000 is allowed" },
            },
        };
}
