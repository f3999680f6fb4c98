// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Packets;
using UdpTunnel.Tests.Filter;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Tunnel;

/// <summary>
/// Fragments that come before the first one of their packet, in both directions of a tunnel in memory.
/// </summary>
public sealed unsafe class EarlyFragmentTests : IDisposable
{
    private const int Magic = 16;
    private const long Start = 5_000_000;

    private readonly PortFilter _filter = new(PortSet.Create([new PortRange(53)]));
    private readonly MemoryTun _tun = new();
    private readonly MemoryUdp _udp = new();
    private readonly Peer _peer = new();
    private readonly ClassicTransport _transport;
    private readonly Coalescer _coalescer = new();
    private readonly ReceiveBatch _messages = new();
    private readonly PacketBatch _packets = new();
    private readonly Outbound _outbound;
    private readonly Inbound _inbound;
    private readonly FilterPacket _first = new()
    {
        Protocol = FilterPacket.Udp,
        DestinationPort = 53,
        MoreFragments = true,
        Payload = 1272,
    };

    public EarlyFragmentTests()
    {
        _messages.Clear();
        _transport = new ClassicTransport("word", _udp, _peer, isServer: false, innerAddress: 0);
        _peer.Move(MemoryUdp.Address("192.0.2.1:8000"));
        _outbound = new Outbound(_transport, _filter, _udp);
        _inbound = new Inbound(_transport, _filter, Rules.None, _tun, _coalescer);
    }

    private FilterPacket Middle => _first with { FragmentOffset = 1280, Payload = 1280 };

    private FilterPacket Last => _first with { FragmentOffset = 2560, Payload = 77, MoreFragments = false };

    public void Dispose()
    {
        _outbound.Dispose();
        _transport.Dispose();
        _packets.Dispose();
        _messages.Dispose();
        _coalescer.Dispose();
        _filter.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void They_follow_their_first_one_when_it_passes(bool goesOut)
    {
        Carry(goesOut, Start, Last, Middle);
        Assert.Empty(Passed(goesOut));
        Assert.Equal(2, goesOut ? _outbound.HeldFragments : _inbound.HeldFragments);
        Carry(goesOut, Start + 900, _first);
        Assert.Equal(
            new[] { _first, Last, Middle }.Select(p => Convert.ToHexString(p.Build())),
            Passed(goesOut).Select(Convert.ToHexString)
        );
        Assert.Equal(0, goesOut ? _outbound.HeldFragments : _inbound.HeldFragments);
        Assert.Equal(0, Dropped(goesOut));
        Carry(goesOut, Start + 3000, Last);
        Assert.Equal(4, Passed(goesOut).Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void They_are_dropped_and_counted_when_it_does_not_come_in_time(bool goesOut)
    {
        Carry(goesOut, Start, Last, Middle, Last with { Id = 8 });
        Carry(goesOut, Start + 2000);
        Assert.Equal(3, Dropped(goesOut));
        Carry(goesOut, Start + 2000, _first);
        Assert.Single(Passed(goesOut));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void One_that_is_dropped_takes_none_along(bool goesOut)
    {
        Carry(goesOut, Start, Last);
        Carry(goesOut, Start, _first with { DestinationPort = 54 }, _first with { Id = 8 });
        Assert.Single(Passed(goesOut));
        Carry(goesOut, Start + 2000);
        Assert.Equal(1, Dropped(goesOut));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void No_more_are_held_than_there_is_room_and_the_oldest_give_way(bool goesOut)
    {
        for (int id = 0; id < EarlyFragments.Capacity + 10; id++)
        {
            Carry(goesOut, Start + (id >= EarlyFragments.Capacity ? 1000 : 0), Last with { Id = (ushort)id });
        }

        Assert.Equal(10, Dropped(goesOut));
        Carry(
            goesOut,
            Start + 1000,
            Enumerable.Range(0, EarlyFragments.Capacity + 10).Select(id => _first with { Id = (ushort)id }).ToArray()
        );
        Assert.Equal((2 * EarlyFragments.Capacity) + 10, Passed(goesOut).Count);
    }

    private List<byte[]> Passed(bool goesOut) =>
        goesOut ? [.. _udp.Sent.Select(d => d[Magic..])] : [.. _tun.Written.Select(m => m[VirtioNetHeader.Size..])];

    private long Dropped(bool goesOut) => (goesOut ? _outbound.Counters : _inbound.Counters).Drops(DropReason.Fragment);

    private void Carry(bool goesOut, long now, params FilterPacket[] packets)
    {
        foreach (byte[] packet in packets.Select(p => p.Build()).DefaultIfEmpty([]))
        {
            _packets.Clear();
            _messages.Clear();
            if (packet.Length > 0 && goesOut)
            {
                _packets.Add(packet);
            }
            else if (packet.Length > 0)
            {
                byte[] datagram = [.. new byte[Magic], .. packet];
                fixed (byte* start = datagram)
                {
                    _transport.Seal(start, packet.Length);
                }

                _messages.Put(datagram, 0, MemoryUdp.Address("192.0.2.1:8000"));
            }

            if (goesOut)
            {
                _outbound.Process(_packets, now);
            }
            else
            {
                _inbound.Process(_messages, now);
            }
        }
    }
}
