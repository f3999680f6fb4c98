// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using System.Runtime.CompilerServices;
using UdpTunnel.Memory;

namespace UdpTunnel.Packets;

/// <summary>
/// Everything that goes to peers after one wake-up: runs of datagrams, in the order in which they were added. The
/// batch points into the buffers of its caller, which stay untouched until it has been sent and cleared; only headers
/// of cut packets are its own.
/// <para>
/// It belongs to one thread. When something does not fit, nothing of it is added and the answer is false: the caller
/// sends, clears and adds it again, which always works, because an empty batch holds any superpacket.
/// </para>
/// </summary>
/// <remarks>
/// No finalizer: methods work on raw pointers, below which the collector might free the memory of a batch that is last
/// used in the running method. Who makes it disposes of it.
/// </remarks>
internal sealed unsafe class SendBatch : IDisposable
{
    /// <summary>
    /// Most datagrams of a run. The kernel allows 64 (UDP_MAX_SEGMENTS, more from 6.9), but udp_send_skb compares a
    /// length that includes the 8 bytes of the UDP header with the segment size × 64, so 64 full ones are refused.
    /// </summary>
    public const int MaxRunDatagrams = 63;

    /// <summary>Most bytes of a run: the kernel builds it as one UDP datagram over IPv4 before it cuts it.</summary>
    public const int MaxRunBytes = UdpHeader.MaxPayload;

    /// <summary>
    /// Most datagrams of a batch. A superpacket of 65,535 bytes with 8 bytes of payload in each packet, the least that
    /// the kernel's TCP uses (TCP_MIN_GSO_SIZE), becomes 8,187 packets. Pages of unused capacity are never touched, so
    /// they take no memory.
    /// </summary>
    public const int MaxDatagrams = 8_192;

    /// <summary>Most bytes of IP and transport header of a cut packet: both may have 40 bytes of options.</summary>
    public const int MaxPacketHeader = 120;

    /// <summary>Most destinations of a batch.</summary>
    public const int MaxDestinations = 128;

    // What fits besides one superpacket whose datagrams lie in one piece: a few more of them before something has to be
    // sent.
    private const int WholeBytes = 512 * 1024;

    private readonly NativeBuffer _memory;
    private readonly Slice* _slices;
    private readonly Run* _runs;
    private readonly Refusal* _refusals;
    private readonly byte* _headers;
    private readonly byte* _headersEnd;
    private readonly int _headerLength;
    private readonly int _capacity;

    private int _sliceCount;
    private int _closedRuns;
    private int _datagrams;
    private byte* _nextHeader;

    // The last run grows in these fields, so that a datagram that joins costs a few additions, and is stored when the
    // next one starts or somebody looks. Open size 0: nothing may join it.
    private int _openSize;
    private int _lastSize;
    private int _lastDatagrams;
    private int _lastBytes;
    private int _lastFirstSlice;
    private int _lastSlicesPerDatagram;
    private int _lastPacketBytes;
    private int _lastDestination;
    private int _destination;
    private int _refusalCount;

    /// <param name="headerLength">Bytes in front of each packet, see <see cref="ISealer.Headroom"/>.</param>
    /// <param name="tailLength">Most bytes behind each packet, see <see cref="ISealer.Tailroom"/>.</param>
    public SendBatch(int headerLength, int tailLength = 0)
        : this(MaxDatagrams, headerLength, BytesOfHeaders(headerLength, tailLength)) { }

    private SendBatch(int capacity, int headerLength, nuint headers)
    {
        _capacity = capacity;
        _headerLength = headerLength;
        var tables = (nuint)(capacity * ((2 * sizeof(Slice)) + sizeof(Run) + sizeof(Refusal)));
        _memory = new NativeBuffer(tables + headers);
        _slices = (Slice*)_memory.Start;
        _runs = (Run*)(_slices + (2 * capacity));
        _refusals = (Refusal*)(_runs + capacity);
        _headers = (byte*)(_refusals + capacity);
        _headersEnd = _headers + headers;
        _nextHeader = _headers;
    }

    /// <summary>A batch for <see cref="AddDatagram"/> alone: it has no memory for headers.</summary>
    /// <param name="capacity">Most datagrams, at most <see cref="MaxDatagrams"/>.</param>
    public static SendBatch OfDatagrams(int capacity) => new(capacity, 0, 0);

    /// <summary>The runs, in order. Valid until the next call that adds or clears.</summary>
    public ReadOnlySpan<Run> Runs
    {
        get
        {
            StoreLastRun();
            return new ReadOnlySpan<Run>(_runs, RunCount);
        }
    }

    /// <summary>How many runs there are.</summary>
    public int RunCount => _closedRuns + (_lastDatagrams > 0 ? 1 : 0);

    /// <summary>The slices of all runs; laid out as <c>struct iovec</c>.</summary>
    public Slice* Slices => _slices;

    /// <summary>How many datagrams there are.</summary>
    public int DatagramCount => _datagrams;

    /// <summary>Whether there is nothing to send.</summary>
    public bool IsEmpty => _datagrams == 0;

    /// <summary>Bytes of the wire format's header in front of each packet.</summary>
    public int HeaderLength => _headerLength;

    /// <summary>How many slices there are.</summary>
    public int SliceCount => _sliceCount;

    /// <summary>
    /// Where the datagrams that are added from now on go: a number below <see cref="MaxDestinations"/>, which means
    /// something to whoever sends the batch.
    /// </summary>
    public int Destination
    {
        get => _destination;
        set
        {
            if (_destination != value)
            {
                _destination = value;
                _openSize = 0;
            }
        }
    }

    /// <summary>Datagrams that did not leave, in order; filled by whoever sends the batch.</summary>
    public ReadOnlySpan<Refusal> Refusals => new(_refusals, _refusalCount);

    /// <summary>Length of all inner packets.</summary>
    public long PacketBytes { get; private set; }

    /// <summary>Notes that datagrams did not leave.</summary>
    public void Refuse(in Refusal refusal) => _refusals[_refusalCount++] = refusal;

    /// <summary>Whether that many more datagrams fit. An empty batch has room for <see cref="MaxDatagrams"/>.</summary>
    public bool HasRoomFor(int datagrams) => datagrams <= _capacity - _datagrams;

    /// <summary>Forgets everything; what was added before may change from now on.</summary>
    public void Clear()
    {
        _sliceCount = 0;
        _closedRuns = 0;
        _datagrams = 0;
        _openSize = 0;
        _lastDatagrams = 0;
        _nextHeader = _headers;
        _refusalCount = 0;
        _destination = 0;
        PacketBytes = 0;
    }

    /// <summary>Whether datagrams that lie in one piece of the batch's own memory fit.</summary>
    /// <param name="datagrams">How many.</param>
    /// <param name="bytes">Length of all of them.</param>
    public bool HasRoomFor(int datagrams, int bytes) => HasRoomFor(datagrams) && bytes <= _headersEnd - _nextHeader;

    /// <summary>
    /// Adds a datagram that lies in one piece, sealed: wire header and packet. It joins the last run if it may.
    /// </summary>
    /// <param name="datagram">First byte of the wire format's header; valid until the batch is cleared.</param>
    /// <param name="length">At most <see cref="MaxRunBytes"/> bytes; the caller has dropped what is longer.</param>
    /// <param name="packetLength">Length of the packet in it.</param>
    /// <returns>False, and nothing is added, if the batch is full.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool AddDatagram(byte* datagram, int length, int packetLength)
    {
        Debug.Assert(length is >= 0 and <= MaxRunBytes);
        if (_datagrams == _capacity)
        {
            return false;
        }

        _slices[_sliceCount] = new Slice(datagram, length);
        Append(length, 1, packetLength);
        return true;
    }

    /// <summary>
    /// Memory for the headers of one datagram: wire format, IP and transport. <see cref="CommitPair"/> fixes how much
    /// of it is used.
    /// </summary>
    internal byte* NextHeader => _nextHeader;

    /// <summary>
    /// Adds a datagram of two pieces: the header just written at <see cref="NextHeader"/>, sealed, and a payload. There
    /// must be room.
    /// </summary>
    /// <param name="headerLength">
    /// Bytes of the header, at most <see cref="HeaderLength"/> + <see cref="MaxPacketHeader"/>.
    /// </param>
    /// <param name="payload">The payload; valid until the batch is cleared.</param>
    /// <param name="payloadLength">Its length; 0 is allowed.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void CommitPair(int headerLength, byte* payload, int payloadLength)
    {
        Debug.Assert(_datagrams < _capacity && headerLength <= _headerLength + MaxPacketHeader);
        Slice* slices = _slices + _sliceCount;
        slices[0] = new Slice(_nextHeader, headerLength);
        slices[1] = new Slice(payload, payloadLength);
        _nextHeader += headerLength;
        int length = headerLength + payloadLength;
        Append(length, 2, length - _headerLength);
    }

    /// <summary>
    /// Adds a datagram in one piece, written and sealed at <see cref="NextHeader"/>. There must be room.
    /// </summary>
    /// <param name="length">Its length.</param>
    /// <param name="packetLength">Length of the packet in it.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void CommitWhole(int length, int packetLength)
    {
        _slices[_sliceCount] = new Slice(_nextHeader, length);
        _nextHeader += length;
        Append(length, 1, packetLength);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Clear();
        _memory.Dispose();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Append(int length, int slicesPerDatagram, int packetLength)
    {
        // As an unsigned number an empty datagram is the longest: a run cannot hold it.
        if (
            (uint)(length - 1) < (uint)_openSize
            && _lastSlicesPerDatagram == slicesPerDatagram
            && _lastDatagrams < MaxRunDatagrams
            && _lastBytes + length <= MaxRunBytes
        )
        {
            _lastDatagrams++;
            _lastBytes += length;
            _lastPacketBytes += packetLength;
            if (length < _openSize)
            {
                // The kernel cuts at multiples of the segment size: only the last datagram may be shorter.
                _openSize = 0;
            }
        }
        else
        {
            StartRun(length, slicesPerDatagram, packetLength);
        }

        PacketBytes += packetLength;
        _sliceCount += slicesPerDatagram;
        _datagrams++;
    }

    private static nuint BytesOfHeaders(int headerLength, int tailLength)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(headerLength, VirtioNetHeader.Size);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(headerLength, 1024);
        var whole = tailLength > 0 ? WholeBytes : 0;
        return (nuint)((MaxDatagrams * (headerLength + MaxPacketHeader + tailLength)) + whole);
    }

    private void StartRun(int length, int slicesPerDatagram, int packetLength)
    {
        StoreLastRun();
        _closedRuns = RunCount;
        _openSize = _lastSize = length;
        _lastDatagrams = 1;
        _lastBytes = length;
        _lastFirstSlice = _sliceCount;
        _lastSlicesPerDatagram = slicesPerDatagram;
        _lastPacketBytes = packetLength;
        _lastDestination = _destination;
    }

    private void StoreLastRun()
    {
        if (_lastDatagrams > 0)
        {
            _runs[_closedRuns] = new Run
            {
                FirstSlice = _lastFirstSlice,
                Datagrams = _lastDatagrams,
                SlicesPerDatagram = _lastSlicesPerDatagram,
                DatagramSize = _lastSize,
                TotalBytes = _lastBytes,
                PacketBytes = _lastPacketBytes,
                Destination = _lastDestination,
            };
        }
    }
}
