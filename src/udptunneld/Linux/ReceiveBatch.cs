// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;
using UdpTunnel.Memory;
using UdpTunnel.Packets;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Linux;

/// <summary>
/// Room for what one <c>recvmmsg</c> brings: some messages of 64 KiB, each one datagram or, with UDP_GRO, a run of
/// them. Belongs to the thread that receives; what it holds is valid until the next receive.
/// </summary>
/// <remarks>
/// 64 KiB each because the kernel merges up to that size and cuts off what does not fit; pages that were never reached
/// take no memory. 32 messages because on a link that cuts runs the receive side is three times faster with it than
/// with one message at a time (docs/performance.md).
/// </remarks>
internal sealed unsafe class ReceiveBatch : IDisposable
{
    private const int DefaultCapacity = 32;
    private const int MessageSize = 65536;

    // cmsghdr: length u64, level i32, type i32, then the data, padded to 8 bytes. UDP_GRO has the segment size as i32
    // (24 bytes in all); in6_pktinfo an address and i32 (40); in_pktinfo an interface i32, the local address that a
    // datagram came to and the one in its header (32); IP_TOS a byte and IPV6_TCLASS an i32 (24).
    private const int ControlSize = 96;
    private const int ControlDataOffset = 16;
    private const int ControlNumberSize = 24;
    private const int LocalAddressOffset = 4;

    private readonly int _capacity;
    private readonly NativeBuffer _buffer;
    private readonly NativeBuffer _tables;
    private readonly Libc.MessageHeader* _headers;
    private readonly Endpoint* _names;
    private readonly byte* _controls;
    private int _count;

    /// <param name="capacity">The most messages at once.</param>
    public ReceiveBatch(int capacity = DefaultCapacity)
    {
        _capacity = capacity;
        _buffer = new NativeBuffer((nuint)capacity * MessageSize);
        var headersSize = capacity * sizeof(Libc.MessageHeader);
        var slicesSize = capacity * sizeof(Slice);
        var controlsSize = capacity * ControlSize;
        _tables = new NativeBuffer((nuint)(headersSize + slicesSize + controlsSize + (capacity * sizeof(Endpoint))));
        _headers = (Libc.MessageHeader*)_tables.Start;
        var slices = (Slice*)(_tables.Start + headersSize);
        _controls = _tables.Start + headersSize + slicesSize;
        _names = (Endpoint*)(_controls + controlsSize);
        for (var i = 0; i < capacity; i++)
        {
            slices[i] = new Slice(_buffer.Start + (i * MessageSize), MessageSize);
            _headers[i].Slices = &slices[i];
            _headers[i].SliceCount = 1;
            _headers[i].Name = &_names[i];
            _headers[i].Control = _controls + (i * ControlSize);
        }

        _count = capacity;
    }

    /// <summary>Messages received.</summary>
    public int Count => _count;

    /// <summary>Whether more may be waiting.</summary>
    public bool IsFull => _count == _capacity;

    /// <summary>First byte of a message.</summary>
    public byte* Start(int message) => _buffer.Start + (message * MessageSize);

    /// <summary>Bytes of a message.</summary>
    public int Length(int message) => (int)_headers[message].Length;

    /// <summary>Where a message came from.</summary>
    public ref readonly Endpoint Source(int message) => ref _names[message];

    /// <summary>
    /// Whether the kernel cut off the message, or what it says of it: without the size of its datagrams a run would
    /// pass for one datagram.
    /// </summary>
    public bool IsTruncated(int message) => (_headers[message].Flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;

    /// <summary>Bytes of each datagram of the message, the last of which may be shorter.</summary>
    public int DatagramSize(int message)
    {
        var control = FindControl(message, IPPROTO_UDP, UDP_GRO, sizeof(int));
        var size = control is null ? 0 : Unsafe.ReadUnaligned<int>(control);
        return size > 0 ? size : Length(message);
    }

    /// <summary>The address of this host that a message came to; none if the socket was not told to say so.</summary>
    public SourceAddress Local(int message)
    {
        // A socket for both families has the mapped form of an IPv4 address.
        var control = FindControl(message, IPPROTO_IPV6, IPV6_PKTINFO, sizeof(SourceAddress));
        if (control is not null)
        {
            return SourceAddress.ReadV6(control);
        }

        control = FindControl(message, IPPROTO_IP, IP_PKTINFO, LocalAddressOffset + sizeof(uint));
        return control is null ? default : SourceAddress.ReadV4(control + LocalAddressOffset);
    }

    /// <summary>
    /// The two bits of explicit congestion notification of a message; 0 if the socket was not told to say so.
    /// </summary>
    public int CongestionBits(int message)
    {
        var control = FindControl(message, IPPROTO_IP, IP_TOS, sizeof(byte));
        if (control is null)
        {
            control = FindControl(message, IPPROTO_IPV6, IPV6_TCLASS, sizeof(int));
        }

        return control is null ? 0 : *control & CongestionMark.Mask;
    }

    /// <summary>Takes what is there, without waiting.</summary>
    /// <returns>The error, <see cref="Errno.Again"/> if nothing is there, or <see cref="Errno.None"/>.</returns>
    public Errno TryReceive(int descriptor)
    {
        // The kernel overwrote these for the messages of the last call only.
        for (var i = 0; i < _count; i++)
        {
            _headers[i].NameLength = Endpoint.MaxLength;
            _headers[i].ControlLength = ControlSize;
            _headers[i].Flags = 0;
        }

        _count = 0;
        var received = Libc.ReceiveMessages(descriptor, _headers, (uint)_capacity, MSG_DONTWAIT, null);
        if (received < 0)
        {
            return Libc.LastError;
        }

        _count = received;
        return Errno.None;
    }

    /// <summary>Forgets all messages, before others are <see cref="Put"/> in.</summary>
    public void Clear() => _count = 0;

    /// <summary>
    /// Puts in a message as <c>recvmmsg</c> would: for sockets in memory, which no system call fills.
    /// </summary>
    /// <param name="message">
    /// A datagram or a run of them, at most 64 KiB; what is longer is cut off as the kernel does it.
    /// </param>
    /// <param name="datagramSize">Bytes of each datagram of the run but the last; 0 for one datagram.</param>
    /// <param name="source">Where it comes from.</param>
    /// <param name="congestion">Its bits of explicit congestion notification.</param>
    /// <returns>False, and nothing is put in, if the batch is full.</returns>
    public bool Put(ReadOnlySpan<byte> message, int datagramSize, in Endpoint source, int congestion = 0)
    {
        if (_count == _capacity)
        {
            return false;
        }

        var length = Math.Min(message.Length, MessageSize);
        message[..length].CopyTo(new Span<byte>(Start(_count), length));
        var control = _controls + (_count * ControlSize);
        PutControl(control, IPPROTO_IPV6, IPV6_TCLASS, congestion);
        PutControl(control + ControlNumberSize, IPPROTO_UDP, UDP_GRO, datagramSize);
        ref var header = ref _headers[_count];
        header.ControlLength = ControlNumberSize + (datagramSize > 0 ? ControlDataOffset + sizeof(int) : 0);
        header.Flags = length < message.Length ? MSG_TRUNC : 0;
        header.Length = (uint)length;
        _names[_count++] = source;
        return true;
    }

    private static void PutControl(byte* control, int level, int type, int value)
    {
        Unsafe.WriteUnaligned(control, (nint)(ControlDataOffset + sizeof(int)));
        Unsafe.WriteUnaligned(control + 8, level);
        Unsafe.WriteUnaligned(control + 12, type);
        Unsafe.WriteUnaligned(control + ControlDataOffset, value);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _buffer.Dispose();
        _tables.Dispose();
    }

    /// <summary>The data of a control message, or null.</summary>
    private byte* FindControl(int message, int level, int type, int leastLength) =>
        ControlMessages.Find(
            _controls + (message * ControlSize),
            _headers[message].ControlLength,
            level,
            type,
            leastLength
        );
}
