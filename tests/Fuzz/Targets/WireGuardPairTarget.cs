// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.WireGuard;
using UdpTunnel.WireGuard;

namespace UdpTunnel.Tests.Fuzz.Targets;

/// <summary>
/// Two ends and all that can come between them, as the bytes of the input say one after the other: packets, loss,
/// copies, disorder, damage, time, restarts, clocks, other keys, other addresses. No packet comes out twice, none that
/// did not go in, and sessions stay few.
/// </summary>
internal sealed class WireGuardPairTarget : IFuzzTarget
{
    private const int MaxSteps = 96;

    private static readonly long[] Times =
    [
        0,
        1,
        19,
        20,
        100,
        5_000,
        5_333,
        10_000,
        15_333,
        90_000,
        119_999,
        120_000,
        165_000,
        180_000,
        540_000,
        86_400_000,
    ];

    /// <inheritdoc/>
    public string Name => "wireguard-pair";

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Words { get; } =
    [
        [0, 2, 3, 2],
        [1, 3, 2, 3],
        [0, 2, 3, 2, 3, 2],
        [7, 11],
        [7, 13],
        [7, 14],
        [0, 4],
        [0, 5, 2],
        [9, 0],
        [10, 1],
    ];

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds(Random random) =>
        [
            [0, 2, 3, 2, 1, 3, 7, 11, 0, 2, 2, 3, 2, 7, 13, 1, 3, 2, 3],
            [0, 1, 2, 3, 2, 3, 2, 3, 0, 5, 2, 2, 6, 2],
            [0, 2, 3, 2, 9, 1, 3, 7, 8, 2, 3, 2, 3, 10, 0, 2, 7, 8],
            [0, 2, 3, 2, 11, 0, 2, 3, 12, 1, 3, 7, 6, 2, 3, 13, 200, 7, 13, 0, 2, 3, 2],
            [14, 25, 7, 15, 2, 3, 2, 15, 0, 2, 8, 3, 0, 2, 3],
        ];

    /// <inheritdoc/>
    public void Try(ReadOnlySpan<byte> input)
    {
        using var run = new Run();
        for (var i = 0; i < input.Length && i < MaxSteps; i++)
        {
            var argument = i + 1 < input.Length ? input[i + 1] : (byte)0;
            i += run.Do(input[i], argument) ? 1 : 0;
        }
    }

    /// <inheritdoc/>
    public void Dispose() { }

    private sealed class Run : IDisposable
    {
        private readonly TestPair _pair = new();
        private readonly List<TestDatagram> _toRight = [];
        private readonly List<TestDatagram> _toLeft = [];
        private readonly HashSet<long> _delivered = [];
        private TestDatagram? _last;
        private long _sent;
        private int _keys = 100;

        /// <summary>Does one thing.</summary>
        /// <returns>Whether it used the argument.</returns>
        public bool Do(byte what, byte argument)
        {
            switch (what % 16)
            {
                case 0:
                    _pair.Left.Send(TestPair.ToRight(++_sent));
                    break;
                case 1:
                    _pair.Right.Send(TestPair.ToLeft(++_sent));
                    break;
                case 2:
                    Deliver(_toRight, _pair.Right, argument: null);
                    break;
                case 3:
                    Deliver(_toLeft, _pair.Left, argument: null);
                    break;
                case 4:
                    Lose(_toRight);
                    break;
                case 5:
                    Repeat();
                    break;
                case 6:
                    _toRight.Reverse();
                    _toLeft.Reverse();
                    break;
                case 7:
                    _pair.Jump(Times[argument % Times.Length]);
                    Assert.True(_pair.Left.Engine.NextDue > _pair.Now && _pair.Right.Engine.NextDue > _pair.Now);
                    Collect();
                    return true;
                case 8:
                    var isRight = argument % 2 == 0;
                    Deliver(isRight ? _toRight : _toLeft, isRight ? _pair.Right : _pair.Left, argument);
                    Collect();
                    return true;
                case 9:
                    _pair.RestartLeft();
                    break;
                case 10:
                    _pair.RestartRight();
                    break;
                case 11:
                    Lose(_toLeft);
                    break;
                case 12:
                    // The peer does not know the new key, and the old one comes back: nothing in between may do harm.
                    var key = _pair.Left.PrivateKey;
                    _pair.Left.Engine.SetIdentity(LocalIdentity.Import(TestEnd.NewPrivateKey(_keys++)));
                    _pair.Left.Send(TestPair.ToRight(++_sent));
                    Collect();
                    _pair.Left.Engine.SetIdentity(LocalIdentity.Import(key));
                    break;
                case 13:
                    _pair.LeftWallError = TimeSpan.FromDays((argument - 128) * 30);
                    return true;
                case 14:
                    _pair.Left.Engine.SetPersistentKeepalive(_pair.LeftPeer, argument);
                    return true;
                default:
                    _pair.Left.Address = TestEnd.At($"192.0.2.{argument}:1001");
                    return true;
            }

            Collect();
            return false;
        }

        public void Dispose() => _pair.Dispose();

        private void Collect()
        {
            Assert.InRange(_pair.Left.Outbox.Count + _pair.Right.Outbox.Count, 0, 2 * (WaitingPackets.MaxPackets + 2));
            _toRight.AddRange(_pair.Take(_pair.Left));
            _toLeft.AddRange(_pair.Take(_pair.Right));
            Assert.InRange(_pair.Left.Engine.SessionCount, 0, 4);
            Assert.InRange(_pair.Right.Engine.SessionCount, 0, 4);
        }

        private void Deliver(List<TestDatagram> queue, TestEnd end, byte? argument)
        {
            if (queue.Count == 0)
            {
                return;
            }

            var datagram = queue[0];
            queue.RemoveAt(0);
            _last = datagram;
            if (argument is { } damage)
            {
                byte[] damaged = [.. datagram.Bytes];
                damaged[damage % damaged.Length] ^= (byte)(1 << (damage % 8));
                Check(end.Receive(damaged, datagram.From), mayPass: false);
                return;
            }

            Check(end.Receive(datagram), mayPass: true);
        }

        private void Repeat()
        {
            if (_last != null)
            {
                Check(_pair.Left.Receive(_last), mayPass: true);
                Check(_pair.Right.Receive(_last), mayPass: true);
            }
        }

        /// <remarks>
        /// What is delivered a second time is not taken for a packet; a damaged handshake may be one whose mac2 is.
        /// </remarks>
        private void Check(TestReceived received, bool mayPass)
        {
            if (received.Kind == ReceivedKind.Packet)
            {
                Assert.True(mayPass);
                var number = InnerPacket.NumberOf(received.Packet);
                Assert.InRange(number, 1, _sent);
                Assert.True(_delivered.Add(number), $"packet {number} comes out twice");
            }
        }

        private static void Lose(List<TestDatagram> queue)
        {
            if (queue.Count > 0)
            {
                queue.RemoveAt(0);
            }
        }
    }
}
