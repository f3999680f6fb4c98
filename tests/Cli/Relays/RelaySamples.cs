// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf.WellKnownTypes;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli.Relays;

/// <summary>Messages about relays.</summary>
internal static class RelaySamples
{
    public const string Key = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    public const string OtherKey = "SHA256:AAAAQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    /// <summary>A receiver that carries datagrams.</summary>
    public static Relay Receiver() =>
        new()
        {
            Name = "dns",
            Role = RelayRole.Receiver,
            Protocol = RelayProtocol.Tls,
            State = RelayState.Running,
            UdpAddress = ":53",
            TcpAddress = ":5353",
            IdleTimeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(120)),
            MaxFlows = 10_000,
            Started = Timestamp.FromDateTimeOffset(Samples.Now.AddHours(-3)),
            OwnFingerprint = OtherKey,
            PeerAddress = "192.0.2.7:40112",
            PeerFingerprint = Key,
            LastHeard = Timestamp.FromDateTimeOffset(Samples.Now.AddSeconds(-12)),
            Counters = new RelayCounters
            {
                PacketsToService = 12,
                BytesToService = 1536,
                PacketsToClients = 1,
                BytesToClients = 512,
                Flows = 2,
                FlowsOpened = 5,
                Connections = 1,
                Drops =
                {
                    new RelayDrops { Reason = RelayDropReason.NotApproved, Packets = 3 },
                },
            },
            Rates = new RelayRates
            {
                PacketsToServicePerSecond = 8,
                BytesToServicePerSecond = 1024,
                PacketsToClientsPerSecond = 4,
                BytesToClientsPerSecond = 2048,
            },
        };

    /// <summary>A receiver at which a sender waits.</summary>
    public static Relay WaitingReceiver()
    {
        var relay = Receiver();
        relay.State = RelayState.Waiting;
        relay.PeerAddress = "";
        relay.PeerFingerprint = "";
        relay.LastHeard = null;
        relay.PendingSenders = 1;
        return relay;
    }

    /// <summary>A sender that waits for a person.</summary>
    public static Relay PendingSender() =>
        new()
        {
            Name = "inside",
            Role = RelayRole.Sender,
            Protocol = RelayProtocol.Tls,
            State = RelayState.Pending,
            UdpAddress = "internal-dns.lan:53",
            TcpAddress = "tunnel-server:5353",
            IdleTimeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(120)),
            MaxFlows = 10_000,
            OwnFingerprint = Key,
            PeerAddress = "203.0.113.5:5353",
            PeerFingerprint = OtherKey,
        };

    public static Sender Sender(SenderState state = SenderState.Pending, string fingerprint = Key) =>
        new()
        {
            Fingerprint = fingerprint,
            Address = "192.0.2.7:40112",
            Relay = "dns",
            State = state,
            Since = Timestamp.FromDateTimeOffset(Samples.Now.AddMinutes(-3)),
        };

    public static RelayFlow Flow(uint id, string client = "198.51.100.9:5000", int idle = 12) =>
        new()
        {
            Id = id,
            Client = client,
            Age = Duration.FromTimeSpan(TimeSpan.FromMinutes(3)),
            Idle = Duration.FromTimeSpan(TimeSpan.FromSeconds(idle)),
            PacketsToService = 120,
            BytesToService = 1536,
            PacketsToClients = 119,
            BytesToClients = 1_610_612_736,
        };

    /// <summary>Any relay that a daemon, however broken, could send.</summary>
    public static Relay Any(Random random)
    {
        var relay = new Relay
        {
            Name = Samples.Text(random),
            Role = (RelayRole)random.Next(0, 5),
            Protocol = (RelayProtocol)random.Next(0, 5),
            State = (RelayState)random.Next(0, 9),
            Problem = Samples.Text(random),
            UdpAddress = Samples.Text(random),
            TcpAddress = Samples.Text(random),
            IdleTimeout = AnyDuration(random),
            MaxFlows = (uint)random.Next(),
            OwnFingerprint = Samples.Text(random),
            PeerAddress = Samples.Text(random),
            PeerFingerprint = Samples.Text(random),
            PendingSenders = (uint)random.Next(3),
        };
        if (random.Next(4) > 0)
        {
            relay.Rates = new RelayRates
            {
                PacketsToServicePerSecond = double.MaxValue,
                BytesToServicePerSecond = random.NextDouble() * 1e12,
                PacketsToClientsPerSecond = double.NaN,
                BytesToClientsPerSecond = -1,
            };
            relay.Counters = new RelayCounters
            {
                PacketsToService = (ulong)random.NextInt64() * 2,
                BytesToService = ulong.MaxValue,
                BytesToClients = (ulong)random.NextInt64(),
                Flows = uint.MaxValue,
                FlowsOpened = ulong.MaxValue,
                Connections = ulong.MaxValue,
            };
            for (var i = random.Next(20); i > 0; i--)
            {
                relay.Counters.Drops.Add(
                    new RelayDrops { Reason = (RelayDropReason)random.Next(0, 15), Packets = ulong.MaxValue }
                );
            }
        }

        return relay;
    }

    public static Sender AnySender(Random random) =>
        new()
        {
            Fingerprint = Samples.Text(random),
            Address = Samples.Text(random),
            Relay = Samples.Text(random),
            State = (SenderState)random.Next(0, 5),
            Since = new Timestamp { Seconds = random.NextInt64(), Nanos = random.Next() },
        };

    public static RelayFlow AnyFlow(Random random) =>
        new()
        {
            Client = Samples.Text(random),
            Id = (uint)random.Next(),
            Age = AnyDuration(random),
            Idle = AnyDuration(random),
            PacketsToService = ulong.MaxValue,
            BytesToService = ulong.MaxValue,
            PacketsToClients = (ulong)random.NextInt64(),
            BytesToClients = (ulong)random.NextInt64(),
        };

    private static Duration? AnyDuration(Random random) =>
        random.Next(4) switch
        {
            0 => null,
            1 => new Duration { Seconds = random.NextInt64(long.MinValue, long.MaxValue), Nanos = random.Next() },
            2 => new Duration { Seconds = 315_576_000_000 },
            _ => Duration.FromTimeSpan(TimeSpan.FromSeconds(random.Next(100_000))),
        };
}
