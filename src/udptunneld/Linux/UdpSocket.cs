using System.Buffers.Binary;
using System.Net;
using System.Runtime.CompilerServices;
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

    // Two control messages lie one behind the other, so that either may be left out (DatagramQueue has their layout).
    private const int SourceSizeV6 = 40;
    private const int SourceLengthV6 = 36;
    private const int SourceSizeV4 = 32;
    private const int SourceLengthV4 = 28;
    private const int SegmentSize = 24;
    private const int SegmentLength = 18;
    private const int ControlSize = SourceSizeV6 + SegmentSize;
    private const int DataOffset = 16;

    // Waiting for one tunnel's network would stop the others that this thread serves.
    private const int SendFlags = MSG_DONTWAIT | MSG_NOSIGNAL;

    /// <summary>Messages of one <c>sendmmsg</c>. A batch seldom has more; the rest goes with the next call.</summary>
    private const int MaxMessages = 128;

    private readonly int _descriptor;
    private readonly bool _dualStack;
    private readonly bool _canSegment;
    private readonly NativeBuffer _tables;
    private readonly Libc.MessageHeader* _headers;
    private readonly byte* _controls;
    private readonly Endpoint* _destinations;
    private readonly SourceAddress[] _sources = new SourceAddress[SendBatch.MaxDestinations];
    private readonly Message[] _messages = new Message[MaxMessages];
    private readonly SendBuffer _sendBuffer = new();
    private volatile bool _segments;
    private bool _hasSources;

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

        // Without "do not fragment" (IPv4): a path that is smaller than it was said and drops the ICMP message that
        // would say so must not swallow every large datagram, which nobody inside the tunnel could find out.
        _ = SetOption(IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
        Merges = offload && SetOption(IPPROTO_UDP, UDP_GRO, 1);

        // 0 is the default, no segmentation, so this only asks whether the kernel knows the option (Linux 4.18).
        _canSegment = offload && SetOption(IPPROTO_UDP, UDP_SEGMENT, 0);
        _segments = _canSegment;
        _tables = new NativeBuffer(
            (nuint)(
                (MaxMessages * (sizeof(Libc.MessageHeader) + ControlSize))
                + (SendBatch.MaxDestinations * sizeof(Endpoint))
            )
        );
        _headers = (Libc.MessageHeader*)_tables.Start;
        _controls = (byte*)(_headers + MaxMessages);
        _destinations = (Endpoint*)(_controls + (MaxMessages * ControlSize));
        for (var i = 0; i < MaxMessages; i++)
        {
            var segment = _controls + (i * ControlSize) + SourceSizeV6;
            WriteSourceHeader(segment - (dualStack ? SourceSizeV6 : SourceSizeV4));
            *(nint*)segment = SegmentLength;
            *(int*)(segment + 8) = IPPROTO_UDP;
            *(int*)(segment + 12) = UDP_SEGMENT;
        }
    }

    /// <inheritdoc/>
    public int Descriptor => _descriptor;

    /// <inheritdoc/>
    public int LocalPort { get; private init; }

    /// <inheritdoc/>
    public bool Segments => _segments;

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
    public SendResult Send(
        SendBatch batch,
        ReadOnlySpan<Endpoint> destinations,
        ReadOnlySpan<SourceAddress> sources = default
    )
    {
        destinations.CopyTo(new Span<Endpoint>(_destinations, SendBatch.MaxDestinations));
        sources.CopyTo(_sources);
        _hasSources = !sources.IsEmpty;
        var result = default(SendResult);
        var position = default(Message);
        while (position.Run < batch.RunCount)
        {
            var count = Prepare(batch, ref position);
            if (Transmit(batch, count, ref result) is { } refused)
            {
                // An address that this host no longer has is as good a reason as a run that the kernel does not take.
                _segments &= _hasSources;
                result.IsSourceRefused |= _hasSources;
                _hasSources = false;
                position = refused;
            }
        }

        _sentBytes += result.SentBytes;
        _refused += result.BufferFull;
        return result;
    }

    /// <inheritdoc/>
    public bool Send(byte* datagram, int length, in Endpoint peer, in SourceAddress source = default)
    {
        fixed (Endpoint* name = &peer)
        {
            var slice = new Slice(datagram, length);
            var message = new Libc.MessageHeader
            {
                Name = name,
                NameLength = peer.Length,
                Slices = &slice,
                SliceCount = 1,
            };
            if (!source.IsNone)
            {
                var control = stackalloc byte[SourceSizeV6];
                WriteSourceHeader(control);
                WriteSource(control, source);
                message.Control = control;
                message.ControlLength = _dualStack ? SourceSizeV6 : SourceSizeV4;
                if (Libc.SendMessages(_descriptor, &message, 1, SendFlags) == 1)
                {
                    return true;
                }

                if (!IsOfSource(Libc.LastError))
                {
                    return false;
                }

                message.Control = null;
                message.ControlLength = 0;
            }

            return Libc.SendMessages(_descriptor, &message, 1, SendFlags) == 1;
        }
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
    public void RetrySegments() => _segments = _canSegment;

    /// <inheritdoc/>
    public void Dispose()
    {
        _ = Libc.Close(_descriptor);
        _tables.Dispose();
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

    /// <summary>
    /// Fills the message headers from a position in the batch on and moves it behind them: a run is one message while
    /// the kernel takes runs, else each of its datagrams is one.
    /// </summary>
    private int Prepare(SendBatch batch, ref Message position)
    {
        var runs = batch.Runs;
        var count = 0;
        while (position.Run < runs.Length && count < MaxMessages)
        {
            ref readonly var run = ref runs[position.Run];
            var datagrams = _segments ? run.Datagrams - position.Datagram : 1;
            var isLast = position.Datagram + datagrams == run.Datagrams;
            var bytes = isLast ? run.TotalBytes - (position.Datagram * run.DatagramSize) : datagrams * run.DatagramSize;
            _messages[count] = position with { Datagrams = datagrams, Bytes = bytes };
            SetHeader(
                count++,
                run.Destination,
                batch.Slices + run.FirstSlice + (position.Datagram * run.SlicesPerDatagram),
                datagrams * run.SlicesPerDatagram,
                datagrams > 1 ? run.DatagramSize : 0
            );
            position = isLast
                ? new Message { Run = position.Run + 1 }
                : position with
                {
                    Datagram = position.Datagram + datagrams,
                };
        }

        return count;
    }

    /// <summary>Sends the prepared messages.</summary>
    /// <returns>
    /// Null, or the message that the kernel refuses as a run; it and the ones behind it did not leave.
    /// </returns>
    private Message? Transmit(SendBatch batch, int count, ref SendResult result)
    {
        var next = 0;
        var attempt = 0;
        while (next < count)
        {
            var sent = Libc.SendMessages(_descriptor, _headers + next, (uint)(count - next), SendFlags);
            if (sent > 0)
            {
                for (; sent > 0; sent--)
                {
                    result.Sent += _messages[next].Datagrams;
                    result.SentBytes += _messages[next].Bytes;
                    next++;
                }

                attempt = 0;
                continue;
            }

            ref readonly var failed = ref _messages[next];
            if (_hasSources && IsOfSource(Libc.LastError))
            {
                return failed;
            }

            switch (SendErrors.Classify(Libc.LastError, failed.Datagrams > 1, attempt))
            {
                case SendVerdict.Retry:
                    attempt++;
                    continue;
                case SendVerdict.SendSingly:
                    return failed;
                case SendVerdict.BufferFull:
                    for (; next < count; next++)
                    {
                        result.BufferFull += _messages[next].Datagrams;
                        Refuse(batch, _messages[next], DropReason.SendBufferFull);
                    }

                    return null;
                case SendVerdict.TooBig:
                    result.TooBig += failed.Datagrams;
                    Refuse(batch, failed, DropReason.TooBig);
                    break;
                default:
                    result.Failed += failed.Datagrams;
                    Refuse(batch, failed, DropReason.SendFailed);
                    break;
            }

            next++;
            attempt = 0;
        }

        return null;
    }

    private static void Refuse(SendBatch batch, in Message message, DropReason reason) =>
        batch.Refuse(new Refusal(message.Run, message.Datagram, message.Datagrams, message.Bytes, reason));

    private void SetHeader(int index, int destination, Slice* slices, int sliceCount, int segmentSize)
    {
        ref var header = ref _headers[index];
        header.Name = _destinations + destination;
        header.NameLength = _destinations[destination].Length;
        header.Slices = slices;
        header.SliceCount = sliceCount;
        var segment = _controls + (index * ControlSize) + SourceSizeV6;
        header.Control = segment;
        header.ControlLength = 0;
        if (_hasSources && !_sources[destination].IsNone)
        {
            var size = _dualStack ? SourceSizeV6 : SourceSizeV4;
            WriteSource(segment - size, _sources[destination]);
            header.Control = segment - size;
            header.ControlLength = size;
        }

        if (segmentSize > 0)
        {
            *(ushort*)(segment + DataOffset) = (ushort)segmentSize;
            header.ControlLength += SegmentSize;
        }
    }

    private void WriteSourceHeader(byte* control)
    {
        *(nint*)control = _dualStack ? SourceLengthV6 : SourceLengthV4;
        *(int*)(control + 8) = _dualStack ? IPPROTO_IPV6 : IPPROTO_IP;
        *(int*)(control + 12) = _dualStack ? IPV6_PKTINFO : IP_PKTINFO;
        new Span<byte>(control + DataOffset, (_dualStack ? SourceSizeV6 : SourceSizeV4) - DataOffset).Clear();
    }

    private void WriteSource(byte* control, in SourceAddress source)
    {
        if (_dualStack)
        {
            Unsafe.WriteUnaligned(control + DataOffset, source);
        }
        else
        {
            Unsafe.WriteUnaligned(control + DataOffset + sizeof(int), source.Last);
        }
    }

    /// <summary>Whether an error may be that of an address that this host does not have any more.</summary>
    private static bool IsOfSource(Errno error) =>
        error is Errno.Invalid or Errno.AddressNotAvailable or Errno.NetworkUnreachable;

    /// <summary>What one message carries: some datagrams of one run.</summary>
    private readonly record struct Message
    {
        public int Run { get; init; }

        /// <summary>The first datagram, counted within the run.</summary>
        public int Datagram { get; init; }

        public int Datagrams { get; init; }

        public int Bytes { get; init; }
    }
}
