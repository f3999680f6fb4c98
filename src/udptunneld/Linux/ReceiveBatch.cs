using System.Runtime.CompilerServices;
using UdpTunnel.Packets;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Linux;

/// <summary>
/// Room for what one <c>recvmmsg</c> brings: up to 32 messages of 64 KiB, each one datagram or, with UDP_GRO, a run of them.
/// Belongs to the thread that receives; what it holds is valid until the next receive.
/// </summary>
/// <remarks>
/// 64 KiB each because the kernel merges up to that size and cuts off what does not fit. 32 because on a link that cuts runs
/// the receive side is three times faster with it than with one message at a time (docs/performance.md).
/// </remarks>
internal sealed unsafe class ReceiveBatch : IDisposable
{
    private const int Capacity = 32;
    private const int MessageSize = 65536;

    // cmsghdr: length u64, level i32, type i32, then the segment size as i32, padded to 24 bytes.
    private const int ControlSize = 24;
    private const int ControlDataOffset = 16;

    private readonly NativeBuffer _buffer = new(Capacity * MessageSize);
    private readonly NativeBuffer _tables;
    private readonly Libc.MessageHeader* _headers;
    private readonly Endpoint* _names;
    private readonly byte* _controls;
    private int _count;

    public ReceiveBatch()
    {
        var headersSize = Capacity * sizeof(Libc.MessageHeader);
        var slicesSize = Capacity * sizeof(Slice);
        var controlsSize = Capacity * ControlSize;
        _tables = new NativeBuffer((nuint)(headersSize + slicesSize + controlsSize + (Capacity * sizeof(Endpoint))));
        _headers = (Libc.MessageHeader*)_tables.Start;
        var slices = (Slice*)(_tables.Start + headersSize);
        _controls = _tables.Start + headersSize + slicesSize;
        _names = (Endpoint*)(_controls + controlsSize);
        for (var i = 0; i < Capacity; i++)
        {
            slices[i] = new Slice(_buffer.Start + (i * MessageSize), MessageSize);
            _headers[i].Slices = &slices[i];
            _headers[i].SliceCount = 1;
            _headers[i].Name = &_names[i];
            _headers[i].Control = _controls + (i * ControlSize);
        }

        _count = Capacity;
    }

    /// <summary>Messages received.</summary>
    public int Count => _count;

    /// <summary>First byte of a message.</summary>
    public byte* Start(int message) => _buffer.Start + (message * MessageSize);

    /// <summary>Bytes of a message.</summary>
    public int Length(int message) => (int)_headers[message].Length;

    /// <summary>Where a message came from.</summary>
    public ref readonly Endpoint Source(int message) => ref _names[message];

    /// <summary>Whether the kernel cut the message off.</summary>
    public bool IsTruncated(int message) => (_headers[message].Flags & MSG_TRUNC) != 0;

    /// <summary>Bytes of each datagram of the message, the last of which may be shorter.</summary>
    public int DatagramSize(int message)
    {
        if (_headers[message].ControlLength < ControlDataOffset + sizeof(int))
        {
            return Length(message);
        }

        var control = _controls + (message * ControlSize);
        var level = Unsafe.ReadUnaligned<int>(control + 8);
        var type = Unsafe.ReadUnaligned<int>(control + 12);
        var size = Unsafe.ReadUnaligned<int>(control + ControlDataOffset);
        return level == IPPROTO_UDP && type == UDP_GRO && size > 0 ? size : Length(message);
    }

    /// <summary>Waits for at least one message and takes what else is there.</summary>
    /// <returns>The error, or <see cref="Errno.None"/>.</returns>
    public Errno Receive(int descriptor)
    {
        // The kernel overwrote these for the messages of the last call only.
        for (var i = 0; i < _count; i++)
        {
            _headers[i].NameLength = Endpoint.MaxLength;
            _headers[i].ControlLength = ControlSize;
            _headers[i].Flags = 0;
        }

        _count = 0;
        var received = Libc.ReceiveMessages(descriptor, _headers, Capacity, MSG_WAITFORONE, null);
        if (received < 0)
        {
            return Libc.LastError;
        }

        _count = received;
        return Errno.None;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _buffer.Dispose();
        _tables.Dispose();
    }
}
