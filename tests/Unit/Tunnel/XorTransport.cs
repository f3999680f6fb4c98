// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Packets;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Tunnel;

/// <summary>
/// A transport as unlike the classic one as it can be: several peers, IPv4 and IPv6, and datagrams that are changed as
/// a whole.
/// <code>
///  0            4        12                    n           n+4
///  +------------+--------+---------------------+-----------+
///  | peer       | length | packet, every byte  | sum of    |    xor is by the peer's number + 1
///  |            |        | xored, padded to 8  | the bytes |    the sum is of the plain bytes
///  +------------+--------+---------------------+-----------+
/// </code>
/// Packets go to the peer whose number is the last byte of the destination, and come from the one whose number is the
/// last byte of the source.
/// </summary>
internal sealed unsafe class XorTransport(IUdp udp, int self, params Peer[] peers) : ITransport
{
    public const long Interval = 10_000;

    private const int Head = 12;
    private const int Padding = 8;
    private const int Sum = 4;

    private Peer? _begun;
    private int _left;
    private long _now;

    public int Headroom => Head;

    public int Tailroom => Padding - 1 + Sum;

    public IpVersions Versions => IpVersions.Both;

    public int Overhead => Head + Sum;

    public bool TakesPadding => false;

    public bool IsReady(Peer peer) => peer.Current is not null;

    public void LimitPadding(Peer peer, int length)
    {
        // The length of a packet stands in front of it.
    }

    public Peer? Route(in PacketView packet, out DropReason drop)
    {
        var number = (byte)packet.DestinationLow;
        var peer = Array.Find(peers, p => p.Number == number);
        drop = peer is null ? DropReason.NoPeer : DropReason.None;
        return peer;
    }

    public bool TryBegin(Peer peer, in PacketView packet, int datagrams, out DropReason drop)
    {
        Assert.Null(_begun);
        drop = peer.Current is null ? DropReason.NoPeer : DropReason.None;
        if (drop != DropReason.None)
        {
            return false;
        }

        _begun = peer;
        _left = datagrams;
        return true;
    }

    public int Seal(byte* datagram, int packetLength)
    {
        Assert.True(--_left >= 0, "more packets than were announced");
        return Seal(_begun!, datagram, packetLength);
    }

    public int End()
    {
        Assert.Equal(0, _left);
        _begun = null;
        return 0;
    }

    public Opened Open(byte* datagram, int length, in Endpoint source, in SourceAddress local)
    {
        var sender = length < Head + Sum ? -1 : *(int*)datagram;
        var peer = Array.Find(peers, p => p.Number == sender);
        if (peer is null)
        {
            return new Opened { Drop = DropReason.Magic };
        }

        var packetLength = *(int*)(datagram + 4);
        var padded = length - Head - Sum;
        if (packetLength < 0 || packetLength > padded)
        {
            return new Opened { Peer = peer, Drop = DropReason.Malformed };
        }

        var packet = new Span<byte>(datagram + Head, padded);
        if (Xor(packet, sender, before: false) != *(int*)(datagram + Head + padded))
        {
            return new Opened { Peer = peer, Drop = DropReason.Magic };
        }

        peer.LastHeard = _now;
        return new Opened
        {
            Peer = peer,
            Packet = datagram + Head,
            Length = packetLength,
        };
    }

    public void OnReceived(Peer peer, in Endpoint source, in PacketView passed)
    {
        if (peer.Current is not { } known || !known.Endpoint.Equals(source))
        {
            peer.Move(source);
        }
    }

    public void OnPortUnreachable(in Endpoint endpoint)
    {
        // Its peers do not move.
    }

    public void OnDrained()
    {
        // Nothing waits for that.
    }

    public long Due { get; private set; }

    public void Advance(long now)
    {
        _now = now;
        if (now >= Due)
        {
            Due = now + Interval;
            var datagram = stackalloc byte[Headroom + Tailroom];
            foreach (var peer in peers)
            {
                if (peer.Current is { } address)
                {
                    _ = udp.Send(datagram, Seal(peer, datagram, 0), address.Endpoint);
                }
            }
        }
    }

    public void Dispose()
    {
        // Nothing to give back.
    }

    private int Seal(Peer peer, byte* datagram, int packetLength)
    {
        Assert.NotNull(peer.Current);
        var padded = (packetLength + Padding - 1) / Padding * Padding;
        new Span<byte>(datagram + Head + packetLength, padded - packetLength).Clear();
        *(long*)datagram = (long)packetLength << 32 | (uint)self;
        *(int*)(datagram + 8) = 0;
        *(int*)(datagram + Head + padded) = Xor(new Span<byte>(datagram + Head, padded), self, before: true);
        return Head + padded + Sum;
    }

    /// <returns>Sum of the plain bytes.</returns>
    private static int Xor(Span<byte> bytes, int number, bool before)
    {
        var sum = 0;
        foreach (ref var b in bytes)
        {
            sum += before ? b : 0;
            b ^= (byte)(number + 1);
            sum += before ? 0 : b;
        }

        return sum;
    }
}
