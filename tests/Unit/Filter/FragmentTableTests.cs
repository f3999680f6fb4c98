// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Filter;
using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Filter;

public sealed class FragmentTableTests
{
    private readonly FragmentTable _table = new();

    [Fact]
    public void A_flood_leaves_no_more_than_the_capacity_and_the_newest()
    {
        const int Flood = 60_000;
        for (int id = 0; id < Flood; id++)
        {
            _table.Remember(Key(id), now: (uint)(id / 4000));
            Assert.True(_table.Contains(Key(id), now: (uint)(id / 4000)));
        }

        int[] left = [.. Enumerable.Range(0, Flood).Where(id => _table.Contains(Key(id), now: 15))];
        Assert.InRange(left.Length, FragmentTable.Capacity * 9 / 10, FragmentTable.Capacity);

        // Ages are whole seconds, so the newest is exact to the packets of the few last seconds.
        Assert.True(left[0] >= Flood - (4 * 4000), $"{left[0]} is older than what it outlived");
    }

    [Fact]
    public void A_flood_never_lets_a_packet_through_that_did_not_pass()
    {
        for (int id = 0; id < 30_000; id++)
        {
            _table.Remember(Key(id), now: 7);
        }

        Assert.DoesNotContain(Enumerable.Range(30_000, 30_000), id => _table.Contains(Key(id), now: 7));
        for (uint source = 1; source <= 16; source++)
        {
            // The newest ids are in the table, from another source.
            Assert.DoesNotContain(Enumerable.Range(29_000, 1000), id => _table.Contains(Key(id, source), now: 7));
        }
    }

    [Fact]
    public void A_forgotten_packet_is_gone_and_the_others_stay()
    {
        _table.Remember(Key(1), now: 7);
        _table.Remember(Key(2), now: 7);
        _table.Forget(Key(1));
        Assert.False(_table.Contains(Key(1), now: 7));
        Assert.True(_table.Contains(Key(2), now: 7));
    }

    [Fact]
    public void Remembering_again_prolongs()
    {
        _table.Remember(Key(1), now: 0);
        _table.Remember(Key(1), now: 29);
        Assert.True(_table.Contains(Key(1), now: 58));
        Assert.False(_table.Contains(Key(1), now: 59));
    }

    private unsafe FragmentKey Key(int id, uint source = 0x0A000001)
    {
        byte[] bytes = new FilterPacket
        {
            Id = (ushort)id,
            Source = source,
            MoreFragments = true,
        }.Build();
        fixed (byte* packet = bytes)
        {
            return _table.KeyOf(PacketView.Parse(packet, bytes.Length), peer: 0);
        }
    }
}
