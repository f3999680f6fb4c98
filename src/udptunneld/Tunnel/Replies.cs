// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Memory;
using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>
/// Answers packets that go no further: those that the port filter drops, where the file asks for it ("Reject"), so that
/// who sent them need not wait for a time-out, with a TCP reset or an ICMP error; and those that are too long for the
/// path, with an ICMP error that says how long they may be. Towards this host by the device, towards a peer by its
/// transport. Belongs to the worker of its tunnel; allocates nothing, waits for nothing.
/// </summary>
/// <remarks>
/// At most <see cref="PerSecond"/> answers a second, in both directions together (RFC 1812, section 4.3.2.8; RFC 4443,
/// section 2.4 (f)): a flood of packets brings no flood of answers.
/// </remarks>
internal sealed unsafe class Replies : IDisposable
{
    /// <summary>Answers a second, and at once.</summary>
    public const int PerSecond = 200;

    private readonly ITransport _transport;
    private readonly IUdp _udp;
    private readonly ITun _tun;
    private readonly HostAddresses _own;
    private readonly NativeBuffer _memory;
    private readonly int _headroom;
    private volatile bool _rejects;
    private uint _second;
    private int _left;

    /// <param name="transport">Seals what goes to a peer.</param>
    /// <param name="udp">Sends it.</param>
    /// <param name="tun">Takes what goes to this host.</param>
    /// <param name="own">The addresses of this host, with the broadcast addresses of its networks.</param>
    public Replies(ITransport transport, IUdp udp, ITun tun, HostAddresses own)
    {
        _transport = transport;
        _udp = udp;
        _tun = tun;
        _own = own;
        _headroom = Math.Max(transport.Headroom, VirtioNetHeader.Size);
        _memory = new NativeBuffer((nuint)(_headroom + IcmpError.MaxLength + transport.Tailroom));
    }

    /// <summary>Whether packets are answered. For any thread.</summary>
    public bool Rejects
    {
        get => _rejects;
        set => _rejects = value;
    }

    /// <summary>A packet from the device was dropped: its sender is this host, or behind it.</summary>
    /// <param name="packet">The packet; nothing of its checksum is said, the kernel may have left it to us.</param>
    /// <param name="reason">Why.</param>
    /// <param name="now">Seconds of the monotonic clock.</param>
    public void OnDropOut(in PacketView packet, DropReason reason, uint now)
    {
        if (!IsAnswered(packet, reason))
        {
            return;
        }

        var reply = _memory.Start + _headroom;
        var length =
            packet.Protocol == Ipv4Header.Tcp
                ? TcpReset.Write(reply, packet)
                : IcmpError.Write(reply, packet, IcmpErrorKind.PortUnreachable);
        if (length > 0 && TrySpend(now))
        {
            Write(reply, length);
        }
    }

    /// <summary>
    /// A packet from the device is longer than the path to its peer carries. Its sender is told, whatever the file says
    /// of answers: without that, nothing of it ever arrives.
    /// </summary>
    /// <param name="packet">The packet, or superpacket.</param>
    /// <param name="mtu">How long it may be.</param>
    /// <param name="now">Seconds of the monotonic clock.</param>
    public void OnTooLong(in PacketView packet, int mtu, uint now)
    {
        var reply = _memory.Start + _headroom;
        if (
            (packet.IsV6 || !IsBroadcast((uint)packet.DestinationLow))
            && IcmpError.Write(reply, packet, IcmpErrorKind.TooBig, mtu) is > 0 and var length
            && TrySpend(now)
        )
        {
            Write(reply, length);
        }
    }

    /// <summary>A packet from a peer was dropped.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="packet">The packet.</param>
    /// <param name="reason">Why.</param>
    /// <param name="now">Seconds of the monotonic clock.</param>
    public void OnDropIn(Peer peer, in PacketView packet, DropReason reason, uint now)
    {
        // A bit that fell on the way may have made another port, or another connection, of it.
        if (
            !IsAnswered(packet, reason)
            || (
                packet.Part == FragmentPart.Whole
                && !Checksum.VerifyTransport(packet.Start, packet.Protocol, packet.TransportOffset, packet.Length)
            )
        )
        {
            return;
        }

        // From a port that neither end allows the other end would take no reset.
        var reply = _memory.Start + _headroom;
        var isReset = packet.Protocol == Ipv4Header.Tcp && reason == DropReason.NoFlow;
        var length = isReset
            ? TcpReset.Write(reply, packet)
            : IcmpError.Write(
                reply,
                packet,
                packet.Protocol == Ipv4Header.Tcp ? IcmpErrorKind.Prohibited : IcmpErrorKind.PortUnreachable
            );
        if (length > 0 && TrySpend(now))
        {
            Send(peer, PacketView.Parse(reply, length));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    private bool IsAnswered(in PacketView packet, DropReason reason) =>
        _rejects
        && reason is DropReason.Port or DropReason.NoFlow
        && packet.Protocol is Ipv4Header.Tcp or Ipv4Header.Udp
        && (packet.IsV6 || !IsBroadcast((uint)packet.DestinationLow));

    /// <summary>
    /// An address of this host that a packet from the device goes to is the broadcast address of one of its networks.
    /// </summary>
    private bool IsBroadcast(uint destination) => (destination & 1) != 0 && _own.IsBroadcast(destination);

    private void Write(byte* reply, int length)
    {
        var start = reply - VirtioNetHeader.Size;
        default(VirtioNetHeader).Write(start);
        var slice = new Slice(start, VirtioNetHeader.Size + length);
        _ = _tun.Write(&slice, 1);
    }

    private void Send(Peer peer, in PacketView reply)
    {
        if (peer.Current is not { } address || !_transport.TryBegin(peer, reply, 1, out _))
        {
            return;
        }

        var datagram = reply.Start - _transport.Headroom;
        var length = _transport.Seal(datagram, reply.Length);
        _transport.End();
        if (length > 0)
        {
            _ = _udp.Send(datagram, length, address.Endpoint, peer.Local);
        }
    }

    private bool TrySpend(uint now)
    {
        if (now != _second)
        {
            _second = now;
            _left = PerSecond;
        }

        return _left-- > 0;
    }
}
