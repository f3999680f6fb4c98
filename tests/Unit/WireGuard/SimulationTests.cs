// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.WireGuard;

namespace UdpTunnel.Tests.WireGuard;

/// <summary>
/// Two ends for days of simulated time over a network that loses, delays, reorders and doubles, behind NATs that
/// forget, with restarts, clocks that are set and hosts that sleep. What always holds is checked at each step; and when
/// the network is well, so is the link.
/// </summary>
public sealed class SimulationTests
{
    private const long Second = 1_000;
    private const long Minute = 60 * Second;
    private const long Day = 24 * 60 * Minute;

    [Theory]
    [InlineData(2)]
    public void In_days_of_trouble_no_packet_arrives_twice_and_the_link_is_well_whenever_the_network_is(int days)
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        try
        {
            using var simulation = new Simulation(seed);
            simulation.Run(days * Day);
            TestContext.Current.TestOutputHelper?.WriteLine(simulation.ToString());
            Assert.True(simulation.Delivered > 1_000 * days, simulation.ToString());
            Assert.True(simulation.Probes > 20 * days, simulation.ToString());
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"seed {seed}", e);
        }
    }

    /// <summary>One run. An end is a host with its own clocks.</summary>
    private sealed class Simulation : IDisposable
    {
        private readonly Random _random;
        private readonly PriorityQueue<(TestDatagram Datagram, int To), long> _network = new();
        private readonly Host[] _hosts;
        private readonly HashSet<long> _sent = [];
        private readonly HashSet<long> _delivered = [];
        private long _now;
        private long _numbers;
        private double _loss;
        private double _copies;
        private long _delay;
        private long _healthySince;
        private long _restarts;
        private long _handshakes;

        public Simulation(int seed)
        {
            _random = new Random(seed);
            _hosts =
            [
                new Host(new TestEnd("192.0.2.1:1001", seed), "10.0.0.1", "10.0.0.2"),
                new Host(new TestEnd("192.0.2.2:1002", seed + 1), "10.0.0.2", "10.0.0.1"),
            ];
            for (var i = 0; i < 2; i++)
            {
                Join(i, default);
            }

            // One end is behind a NAT and keeps its way open.
            _hosts[0].End.Engine.SetPersistentKeepalive(_hosts[0].Peer!, 25);
        }

        public int Delivered => _delivered.Count;

        public int Probes { get; private set; }

        public void Run(long time)
        {
            while (_now < time)
            {
                ChangeWeather();
                var until = _now + (long)(Math.Pow(_random.NextDouble(), 3) * 20 * Minute) + Second;
                var pace = _random.Next(4) == 0 ? 200 : _random.Next(1, 60) * Second;
                while (_now < until)
                {
                    if (pace < 30 * Second)
                    {
                        SendFrom(_random.Next(2));
                    }

                    Pass(_random.NextInt64(1, pace));
                    if (_random.Next(400) == 0)
                    {
                        Disturb();
                    }
                }

                if (_random.Next(3) == 0)
                {
                    ProbeHealthyLink();
                }
            }
        }

        public override string ToString() =>
            $"{_sent.Count} packets sent, {_delivered.Count} delivered, {Probes} probes, {_restarts} restarts, "
            + $"{_handshakes} handshakes";

        public void Dispose()
        {
            foreach (var host in _hosts)
            {
                host.End.Dispose();
            }
        }

        /// <summary>
        /// With a network that is well, the packets of both get through after a minute at most, all of them and at
        /// once.
        /// </summary>
        private void ProbeHealthyLink()
        {
            (_loss, _copies, _delay) = (0, _random.Next(2) * 0.1, 50);
            _healthySince = _now;
            Array.ForEach(_hosts, host => host.AsleepUntil = Math.Min(host.AsleepUntil, _now));
            for (var i = 0; i < 60; i++)
            {
                SendFrom(0);
                SendFrom(1);
                Pass(Second);
            }

            for (var i = 0; i < 20; i++)
            {
                var one = SendFrom(0);
                var other = SendFrom(1);
                Pass(200);
                Assert.True(
                    _delivered.Contains(one) && _delivered.Contains(other),
                    $"a packet is lost at {_now}, well since {_healthySince}"
                );
            }

            Probes++;
        }

        private void ChangeWeather()
        {
            _loss = _random.Next(3) switch
            {
                0 => 0,
                1 => _random.NextDouble() * 0.3,
                _ => _random.Next(4) == 0 ? 1 : _random.NextDouble(),
            };
            _copies = _random.Next(2) * _random.NextDouble() * 0.3;
            _delay = _random.Next(5) == 0 ? _random.NextInt64(1, 20 * Second) : _random.NextInt64(1, 300);
        }

        private void Disturb()
        {
            var number = _random.Next(2);
            var host = _hosts[number];
            switch (_random.Next(5))
            {
                case 0:
                    // A NAT has chosen another port, or the host another network. The other end knows nothing of it.
                    if (number == 0)
                    {
                        host.End.Address = TestEnd.At($"192.0.2.{_random.Next(10, 250)}:{_random.Next(1, 65_536)}");
                    }

                    break;
                case 1:
                    Restart(number);
                    break;
                case 2:
                    host.WallError = TimeSpan.FromDays(_random.Next(3) == 0 ? 0 : (_random.NextDouble() * 2000) - 1000);
                    break;
                case 3:
                    // It sleeps: nothing is received, and its clock jumps when it wakes.
                    host.AsleepUntil = _now + _random.NextInt64(1, 20 * Minute);
                    break;
                default:
                    // Its peer is taken out and entered again.
                    var timestamps = host.Peer!.Timestamps;
                    host.End.Engine.RemovePeer(host.Peer);
                    Join(number, timestamps);
                    break;
            }
        }

        private void Restart(int number)
        {
            var host = _hosts[number];
            var timestamps = host.Peer!.Timestamps;
            var end = new TestEnd("192.0.2.1:1", _random.Next(), host.End.PrivateKey) { Address = host.End.Address };
            host.End.Dispose();
            host.End = end;
            host.Tell(_now);
            Join(number, timestamps);
            _restarts++;
        }

        private void Join(int number, PeerTimestamps timestamps)
        {
            var (host, other) = (_hosts[number], _hosts[1 - number]);
            Assert.Equal(PeerRefusal.None, host.End.Engine.AddPeer(other.End.Key, timestamps, out var peer));
            host.Peer = peer;
            host.End.Engine.SetAllowedIps(peer!, [TestEnd.Prefix($"{other.Inner}/32")]);

            // The one behind the NAT knows where the other is; that one learns it, or knows where it was.
            peer!.SetEndpoint(other.End.Address);
            if (number == 0)
            {
                host.End.Engine.SetPersistentKeepalive(peer!, 25);
            }
        }

        private long SendFrom(int number)
        {
            var host = _hosts[number];
            var packet = ++_numbers;
            if (_now >= host.AsleepUntil)
            {
                _sent.Add(packet);
                host.End.Send(InnerPacket.Make(host.Inner, host.OtherInner, packet, 28 + _random.Next(100)));
                Collect(number);
            }

            return packet;
        }

        /// <summary>Lets time pass, and does what falls into it in order.</summary>
        private void Pass(long time)
        {
            var end = _now + time;
            while (true)
            {
                var next = Math.Min(end, _hosts.Min(host => Math.Max(host.AsleepUntil, host.End.Engine.NextDue)));
                if (_network.TryPeek(out _, out var arrival))
                {
                    next = Math.Min(next, arrival);
                }

                _now = Math.Max(_now, next);
                for (var i = 0; i < 2; i++)
                {
                    if (_now >= _hosts[i].AsleepUntil)
                    {
                        _hosts[i].Tell(_now);
                        Assert.True(_hosts[i].End.Engine.NextDue > _now);
                        Collect(i);
                    }
                }

                while (_network.TryPeek(out var item, out arrival) && arrival <= _now)
                {
                    _network.Dequeue();
                    Arrive(item.Datagram, item.To);
                }

                if (_now >= end && (!_network.TryPeek(out _, out arrival) || arrival > _now))
                {
                    return;
                }
            }
        }

        private void Collect(int number)
        {
            while (_hosts[number].End.Outbox.TryDequeue(out var datagram))
            {
                for (var copies = 1 + (_random.NextDouble() < _copies ? 1 : 0); copies > 0; copies--)
                {
                    if (_random.NextDouble() >= _loss)
                    {
                        _network.Enqueue((datagram, 1 - number), _now + _random.NextInt64(1, _delay + 1));
                    }
                }
            }
        }

        private void Arrive(TestDatagram datagram, int number)
        {
            var host = _hosts[number];
            if (_now < host.AsleepUntil || !datagram.To.Equals(host.End.Address))
            {
                return;
            }

            var received = host.End.Receive(datagram);
            Assert.False(
                received.Drop is WireGuardDrop.Malformed or WireGuardDrop.WrongSource or WireGuardDrop.UnknownPeer
            );
            if (received.Kind == ReceivedKind.Packet)
            {
                var packet = InnerPacket.NumberOf(received.Packet);
                Assert.Contains(packet, _sent);
                Assert.True(_delivered.Add(packet), $"packet {packet} is delivered twice");
                Assert.Same(host.Peer, received.Peer);
            }

            Assert.InRange(host.End.Engine.SessionCount, 0, 4);
            _handshakes += host.End.CountOf(PeerEvent.HandshakeCompleted);
            host.End.Events.Clear();
            Collect(number);
        }

        private sealed class Host(TestEnd end, string inner, string otherInner)
        {
            public TestEnd End { get; set; } = end;

            public Peer? Peer { get; set; }

            public string Inner => inner;

            public string OtherInner => otherInner;

            public TimeSpan WallError { get; set; }

            public long AsleepUntil { get; set; }

            public void Tell(long now)
            {
                var wall = DateTimeOffset.UnixEpoch.AddYears(55) + TimeSpan.FromMilliseconds(now) + WallError;
                End.Engine.Advance(now, Tai64n.From(wall));
            }
        }
    }
}
