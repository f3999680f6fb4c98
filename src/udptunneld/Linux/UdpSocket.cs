// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Net;
using UdpTunnel.Memory;
using UdpTunnel.Packets;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Linux;

/// <summary>
/// The outer socket: dual-stack where the system has IPv6, never connected, because a server's peer may send from a new
/// address at any time.
/// </summary>
internal sealed unsafe class UdpSocket : IUdp
{
    // With the kernel's default of 208 KiB a burst of runs overruns the socket: docs/performance.md has the figures.
    // A daemon that is not scheduled for a while loses less with more; memory is taken only by what waits.
    private const int ReceiveBufferSize = 16 * 1024 * 1024;

    private readonly int _descriptor;
    private readonly bool _dualStack;
    private readonly bool _canSegment;
    private readonly DatagramSender _sender;
    private readonly SendBuffer _sendBuffer = new();

    private readonly int _dscp;
    private int _trafficClass;

    // Written by the thread that sends batches, read by the tick.
    private long _sentBytes;
    private long _refused;

    // What the tick saw of both, so that an idle socket is not asked.
    private long _fitted;

    private UdpSocket(int descriptor, bool dualStack, bool offload, int dscp)
    {
        _descriptor = descriptor;
        _dualStack = dualStack;
        _dscp = dscp;
        SetCongestionBits(0);

        // Of IPv4 also where the socket is for both families.
        _ = SetOption(IPPROTO_IP, IP_RECVTOS, 1);
        _ = dualStack && SetOption(IPPROTO_IPV6, IPV6_RECVTCLASS, 1);

        // Without "do not fragment" (IPv4): as long as nobody knows what the path carries, routers may cut. And as if
        // nobody had said what it carries: ICMP messages are easily forged, Tunnel/PathMtuDiscovery finds out.
        _ = SetOption(IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
        Merges = offload && SetOption(IPPROTO_UDP, UDP_GRO, 1);

        // 0 is the default, no segmentation, so this only asks whether the kernel knows the option (Linux 4.18).
        _canSegment = offload && SetOption(IPPROTO_UDP, UDP_SEGMENT, 0);
        _sender = new DatagramSender(dualStack, _canSegment);
    }

    /// <inheritdoc/>
    public int Descriptor => _descriptor;

    /// <inheritdoc/>
    public int LocalPort { get; private init; }

    /// <inheritdoc/>
    public bool Segments => _canSegment && !_sender.RefusesRuns;

    /// <inheritdoc/>
    public bool Merges { get; }

    /// <summary>Opens a socket.</summary>
    /// <param name="port">Port; 0 lets the kernel choose.</param>
    /// <param name="offload">Whether runs are wanted.</param>
    /// <param name="tellsLocal">Whether it says of each message which address of this host it came to.</param>
    /// <param name="address">The only address of this host that it uses; null for all.</param>
    /// <param name="device">The only device that it uses; null for all.</param>
    /// <param name="dscp">Differentiated services code point of what it sends.</param>
    /// <exception cref="LinuxException">
    /// The port is taken or not allowed, or address or device is not there.
    /// </exception>
    public static UdpSocket Bind(
        int port,
        bool offload,
        bool tellsLocal = false,
        IPAddress? address = null,
        string? device = null,
        int dscp = 0
    )
    {
        var descriptor = BoundSocket.Open(address, port, SOCK_DGRAM, out var dualStack, reuseAddress: false, device);
        dualStack |= address is { AddressFamily: System.Net.Sockets.AddressFamily.InterNetworkV6 };
        try
        {
            var localPort = Prepare(descriptor);
            var socket = new UdpSocket(descriptor, dualStack, offload, dscp) { LocalPort = localPort };
            if (tellsLocal)
            {
                _ = dualStack
                    ? socket.SetOption(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
                    : socket.SetOption(IPPROTO_IP, IP_PKTINFO, 1);
            }

            return socket;
        }
        catch
        {
            _ = Libc.Close(descriptor);
            throw;
        }
    }

    /// <inheritdoc/>
    public Endpoint ToEndpoint(IPEndPoint address) => Endpoint.From(address, _dualStack);

    /// <inheritdoc/>
    public bool Receive(ReceiveBatch batch)
    {
        Errno error;
        do
        {
            error = batch.TryReceive(_descriptor);
        } while (error == Errno.Interrupted);

        return error == Errno.None;
    }

    /// <inheritdoc/>
    public SendResult Send(SendBatch batch, ReadOnlySpan<Endpoint> destinations, Span<SourceAddress> sources = default)
    {
        var result = _sender.Send(_descriptor, batch, destinations, sources);
        _sentBytes += result.SentBytes;
        _refused += result.BufferFull;
        return result;
    }

    /// <inheritdoc/>
    public bool Send(byte* datagram, int length, in Endpoint peer, in SourceAddress source = default) =>
        _sender.TrySend(_descriptor, datagram, length, peer, source);

    /// <inheritdoc/>
    public bool Probe(byte* datagram, int length, in Endpoint peer, in SourceAddress source)
    {
        // There is no control message for it (IPv4). Whatever another thread sends meanwhile is short.
        var (level, option, usual) = peer.IsV4
            ? (IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT)
            : (IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_WANT);
        _ = SetOption(level, option, peer.IsV4 ? IP_PMTUDISC_PROBE : IPV6_PMTUDISC_PROBE);
        var isTooLong = !Send(datagram, length, peer, source) && Libc.LastError == Errno.MessageTooLong;
        _ = SetOption(level, option, usual);
        return !isTooLong;
    }

    /// <inheritdoc/>
    public uint ReceiveDrops => BoundSocket.BufferDrops(_descriptor);

    /// <inheritdoc/>
    public void FitSendBuffer(long now)
    {
        var sent = Volatile.Read(ref _sentBytes);
        var refused = Volatile.Read(ref _refused);
        if (sent + refused != _fitted)
        {
            _fitted = sent + refused;
            if (_sendBuffer.Fit(now, sent, refused, BoundSocket.SendQueue(_descriptor)))
            {
                BoundSocket.SetSendBuffer(_descriptor, _sendBuffer.Size);
            }
        }
    }

    /// <inheritdoc/>
    public void SetMark(uint mark) => _ = SetOption(SOL_SOCKET, SO_MARK, (int)mark);

    /// <inheritdoc/>
    public void SetCongestionBits(byte bits)
    {
        var trafficClass = (_dscp << 2) | bits;
        if (trafficClass != _trafficClass)
        {
            _trafficClass = trafficClass;
            _ = SetOption(IPPROTO_IP, IP_TOS, trafficClass);
            _ = _dualStack && SetOption(IPPROTO_IPV6, IPV6_TCLASS, trafficClass);
        }
    }

    /// <inheritdoc/>
    public Errno BindToDevice(string device) => BoundSocket.BindToDevice(_descriptor, device);

    /// <inheritdoc/>
    public void KeepErrors(bool keep)
    {
        // Turning it off also throws away what is there (do_ip_setsockopt).
        _ = SetOption(IPPROTO_IP, IP_RECVERR, keep ? 1 : 0);
        _ = SetOption(IPPROTO_IPV6, IPV6_RECVERR, keep ? 1 : 0);
    }

    /// <inheritdoc/>
    public bool TakeError(out Endpoint endpoint, out bool isPortUnreachable)
    {
        const int ControlRoom = 256;
        var control = stackalloc byte[ControlRoom];
        byte first;
        var slice = new Slice(&first, 1);
        Endpoint name = default;
        var message = new Libc.MessageHeader
        {
            Name = &name,
            NameLength = Endpoint.MaxLength,
            Slices = &slice,
            SliceCount = 1,
            Control = control,
            ControlLength = ControlRoom,
        };
        var isTaken = Libc.ReceiveMessages(_descriptor, &message, 1, MSG_ERRQUEUE | MSG_DONTWAIT, null) == 1;
        endpoint = name;

        // sock_extended_err: errno u32, origin u8, type u8, code u8. It stands behind what else the socket says of each
        // message.
        var error = isTaken ? ControlMessages.Find(control, message.ControlLength, IPPROTO_IP, IP_RECVERR, 8) : null;
        if (error is null && isTaken)
        {
            error = ControlMessages.Find(control, message.ControlLength, IPPROTO_IPV6, IPV6_RECVERR, 8);
        }

        isPortUnreachable =
            error is not null
            && *(int*)error == (int)Errno.ConnectionRefused
            && error[4] is (SO_EE_ORIGIN_ICMP or SO_EE_ORIGIN_ICMP6);
        return isTaken;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ = Libc.Close(_descriptor);
        _sender.Dispose();
    }

    /// <returns>The port.</returns>
    private static int Prepare(int descriptor)
    {
        var address = default(Endpoint);
        var length = Endpoint.MaxLength;
        if (Libc.GetSocketName(descriptor, &address, &length) < 0)
        {
            throw LinuxException.Last("cannot ask for the port of a socket");
        }

        BoundSocket.SetBuffers(descriptor, ReceiveBufferSize, SendBuffer.Largest);
        return BinaryPrimitives.ReadUInt16BigEndian(new ReadOnlySpan<byte>((byte*)&address + 2, 2));
    }

    private bool SetOption(int level, int name, int value) =>
        Libc.SetSocketOption(_descriptor, level, name, &value, sizeof(int)) == 0;
}
