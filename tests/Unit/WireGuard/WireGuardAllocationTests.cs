// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;
using UdpTunnel.Tests.Memory;
using UdpTunnel.WireGuard;

namespace UdpTunnel.Tests.WireGuard;

/// <summary>Nothing on the path of a packet allocates.</summary>
public sealed unsafe class WireGuardAllocationTests
{
    [Fact]
    public void Sealing_routing_and_opening_allocate_nothing()
    {
        using var pair = new TestPair();
        pair.Connect();
        var (left, right, leftPeer) = (pair.Left.Engine, pair.Right.Engine, pair.LeftPeer);
        var from = pair.Left.Address;
        var memory = (byte*)NativeMemory.AllocZeroed(4 * 2048);
        byte[][] packets =
        [
            TestPair.ToRight(1),
            TestPair.ToRight(2, 1420),
            InnerPacket.Make("fd00::1", "fd00::2", 3, 1400),
            [],
        ];
        var lengths = new int[packets.Length];
        var now = pair.Now;
        var arrived = 0;
        Allocated.AssertNothing(() =>
        {
            // Time goes by, so that timers are set and fall due, but no handshake does.
            left.Advance(now, default);
            right.Advance(now, default);
            now += now % 3 == 0 ? 40 : 1;
            var taken = left.TryBegin(leftPeer, packets.Length, out var run);
            for (var i = 0; taken && i < packets.Length; i++)
            {
                var datagram = memory + (i * 2048);
                packets[i].CopyTo(new Span<byte>(datagram + 16, 2000));
                _ = left.Route(datagram + 16, packets[i].Length, out _);
                lengths[i] = run.Seal(datagram, packets[i].Length);
            }

            left.End(ref run);
            for (var i = 0; i < packets.Length; i++)
            {
                var datagram = memory + (i * 2048);
                arrived += right.Receive(datagram, lengths[i], from).Kind == ReceivedKind.Packet ? 1 : 0;
                arrived += right.Receive(datagram, lengths[i], from).Kind == ReceivedKind.Packet ? 1_000_000 : 0;
            }
        });
        Assert.InRange(arrived, 3 * 400, 3 * 800);
        Assert.Equal(0, arrived % 3);
        NativeMemory.Free(memory);
    }

    [Fact]
    public void Waiting_for_a_handshake_allocates_nothing_once_the_handshake_has_begun()
    {
        using var pair = new TestPair();
        var packet = TestPair.ToRight();
        pair.Left.Send(packet);
        fixed (byte* start = packet)
        {
            var at = start;
            Allocated.AssertNothing(() => pair.Left.Engine.Wait(pair.LeftPeer, at, packet.Length));
        }
    }

    [Fact]
    public void Dropping_what_strangers_send_allocates_nothing()
    {
        using var pair = new TestPair();
        pair.Connect();
        var memory = (byte*)NativeMemory.AllocZeroed(2048);
        var source = TestEnd.At("203.0.113.6:6");
        int[] sizes = [0, 3, 64, 92, 148, 1400];
        Allocated.AssertNothing(() =>
        {
            foreach (var size in sizes)
            {
                for (byte type = 0; type < 5; type++)
                {
                    memory[0] = type;
                    _ = pair.Right.Engine.Receive(memory, size, source);
                }
            }
        });
        NativeMemory.Free(memory);
    }
}
