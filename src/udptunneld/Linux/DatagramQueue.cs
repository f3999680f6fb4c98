using System.Runtime.CompilerServices;
using UdpTunnel.Memory;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Linux;

/// <summary>
/// Datagrams on their way to a UDP socket, sent by as few system calls as possible: consecutive ones of one size to one
/// destination (the last may be shorter) are one message with <c>UDP_SEGMENT</c>, all messages go by one
/// <c>sendmmsg</c>. The bytes stay where they are until <see cref="Send"/>. Belongs to one thread.
/// </summary>
internal sealed unsafe class DatagramQueue : IDisposable
{
    private const int MaxMessages = 128;
    private const int MaxSlices = 1024;

    private const int SendFlags = MSG_NOSIGNAL | MSG_DONTWAIT;

    // UDP_MAX_SEGMENTS was 64 before Linux 6.9.
    private const int MaxRun = 64;
    private const int MaxRunBytes = 65_000;

    // What an Ethernet frame takes: a longer datagram is fragmented, which a run does not allow.
    private const int LargestSegment = 1472;

    // Destinations whose path, or whose device, refused a run: each may have a size of its own, which may grow again. A
    // place is shared by the keys that fall on it: one that is overwritten costs one more refused send.
    private const int RememberedRefusals = 64;
    private const long RefusalMilliseconds = 60_000;

    // Two control messages lie one behind the other, so that either may be left out. cmsghdr of in6_pktinfo: length u64
    // = 36, level i32, type i32, address 16 bytes, interface u32 = 0, padded to 40 bytes; of in_pktinfo: 28, level,
    // type, interface i32 = 0, address u32, 0, padded to 32 bytes and put at offset 8. Of UDP_SEGMENT: length u64 = 18,
    // level i32, type i32, segment size u16, padded to 24 bytes.
    private const int SourceSizeV6 = 40;
    private const int SourceLengthV6 = 36;
    private const int SourceSizeV4 = 32;
    private const int SourceLengthV4 = 28;
    private const int SegmentSize = 24;
    private const int SegmentLength = 18;
    private const int ControlSize = SourceSizeV6 + SegmentSize;
    private const int DataOffset = 16;

    private readonly NativeBuffer _tables;
    private readonly Libc.MessageHeader* _headers;
    private readonly Slice* _slices;
    private readonly byte* _controls;
    private readonly Endpoint* _names;
    private readonly SourceAddress[] _sources = new SourceAddress[MaxMessages];
    private readonly bool _isV6;
    private readonly Run[] _runs = new Run[MaxMessages];
    private readonly RefusedRun[] _refused = new RefusedRun[RememberedRefusals];
    private bool _hasRefused;
    private int _count;
    private int _sliceCount;

    /// <param name="isV6">Whether the socket is of IPv6, or of both.</param>
    public DatagramQueue(bool isV6)
    {
        _isV6 = isV6;
        var headers = MaxMessages * sizeof(Libc.MessageHeader);
        var slices = MaxSlices * sizeof(Slice);
        var controls = MaxMessages * ControlSize;
        _tables = new NativeBuffer((nuint)(headers + slices + controls + (MaxMessages * sizeof(Endpoint))));
        _headers = (Libc.MessageHeader*)_tables.Start;
        _slices = (Slice*)(_tables.Start + headers);
        _controls = _tables.Start + headers + slices;
        _names = (Endpoint*)(_controls + controls);
        for (var i = 0; i < MaxMessages; i++)
        {
            var source = _controls + (i * ControlSize) + (isV6 ? 0 : SourceSizeV6 - SourceSizeV4);
            *(nint*)source = isV6 ? SourceLengthV6 : SourceLengthV4;
            *(int*)(source + 8) = isV6 ? IPPROTO_IPV6 : IPPROTO_IP;
            *(int*)(source + 12) = isV6 ? IPV6_PKTINFO : IP_PKTINFO;
            var segment = _controls + (i * ControlSize) + SourceSizeV6;
            *(nint*)segment = SegmentLength;
            *(int*)(segment + 8) = IPPROTO_UDP;
            *(int*)(segment + 12) = UDP_SEGMENT;
        }
    }

    /// <summary>Whether it must be sent before more is added.</summary>
    public bool IsFull => _count == MaxMessages || _sliceCount == MaxSlices;

    /// <summary>Whether there is nothing to send.</summary>
    public bool IsEmpty => _count == 0;

    /// <summary>Adds a datagram.</summary>
    /// <param name="datagram">First byte; must stay until it is sent.</param>
    /// <param name="length">Its length.</param>
    /// <param name="destination">Where to; none for a connected socket.</param>
    /// <param name="source">From which of the host's addresses; none for the kernel to choose.</param>
    /// <param name="key">The same for all datagrams to one destination.</param>
    public void Add(byte* datagram, int length, in Endpoint destination, in SourceAddress source, uint key)
    {
        _slices[_sliceCount] = new Slice(datagram, length);
        if (_count > 0)
        {
            ref var last = ref _runs[_count - 1];
            if (last.Takes(length, key, LargestSegmentOf(key)))
            {
                last.Add(length);
                _sliceCount++;
                return;
            }
        }

        _runs[_count] = new Run(_sliceCount++, length, key);
        _sources[_count] = source;
        if (!destination.IsNone)
        {
            _names[_count] = destination;
            _headers[_count].Name = &_names[_count];
            _headers[_count].NameLength = destination.Length;
        }
        else
        {
            _headers[_count].Name = null;
            _headers[_count].NameLength = 0;
        }

        _count++;
    }

    /// <summary>
    /// Sends everything, without waiting: datagrams that find no room in the socket's buffer are lost.
    /// </summary>
    /// <param name="descriptor">The socket.</param>
    public SendResult Send(int descriptor)
    {
        for (var i = 0; i < _count; i++)
        {
            SetHeader(i, _runs[i]);
        }

        var result = default(SendResult);
        var next = 0;
        var attempt = 0;
        while (next < _count)
        {
            var sent = Libc.SendMessages(descriptor, _headers + next, (uint)(_count - next), SendFlags);
            if (sent > 0)
            {
                for (; sent > 0; sent--)
                {
                    Count(ref result, _runs[next++]);
                }

                attempt = 0;
                continue;
            }

            var error = Libc.LastError;
            ref readonly var failed = ref _runs[next];
            if (error is Errno.Invalid or Errno.NetworkUnreachable && !_sources[next].IsNone)
            {
                // No address of this host, or no more: one of broadcast, or one that was removed. The kernel's choice
                // is better than no answer.
                _sources[next] = default;
                SetHeader(next, failed);
                continue;
            }

            result.Error = error;
            switch (SendErrors.Classify(error, failed.Datagrams > 1, attempt))
            {
                case SendVerdict.Retry:
                    attempt++;
                    continue;
                case SendVerdict.SendSingly:
                    // A device that cannot segment at all, or a path that takes less.
                    Remember(failed, error == Errno.InputOutput ? 0 : failed.Size - 1);
                    SendSingly(descriptor, next, ref result);
                    break;
                case SendVerdict.TooBig:
                    result.TooBig += failed.Datagrams;
                    break;
                case SendVerdict.BufferFull:
                    // So it is for all behind it.
                    for (; next < _count; next++)
                    {
                        result.BufferFull += _runs[next].Datagrams;
                    }

                    continue;
                default:
                    result.Failed += failed.Datagrams;
                    break;
            }

            next++;
            attempt = 0;
        }

        _count = 0;
        _sliceCount = 0;
        return result;
    }

    /// <inheritdoc/>
    public void Dispose() => _tables.Dispose();

    private static void Count(ref SendResult result, in Run run)
    {
        result.Sent += run.Datagrams;
        result.SentBytes += run.Bytes;
    }

    private int LargestSegmentOf(uint key)
    {
        if (!_hasRefused)
        {
            return LargestSegment;
        }

        ref readonly var refused = ref _refused[key % RememberedRefusals];
        return refused.Key == key && Environment.TickCount64 < refused.Until ? refused.LargestSegment : LargestSegment;
    }

    private void Remember(in Run run, int largestSegment)
    {
        _hasRefused = true;
        _refused[run.Key % RememberedRefusals] = new RefusedRun(
            run.Key,
            largestSegment,
            Environment.TickCount64 + RefusalMilliseconds
        );
    }

    private void SetHeader(int index, in Run run)
    {
        ref var header = ref _headers[index];
        header.Slices = _slices + run.FirstSlice;
        header.SliceCount = run.Datagrams;
        var segment = _controls + (index * ControlSize) + SourceSizeV6;
        header.Control = segment;
        header.ControlLength = 0;
        if (!_sources[index].IsNone)
        {
            var size = _isV6 ? SourceSizeV6 : SourceSizeV4;
            header.Control = segment - size;
            header.ControlLength = size;
            if (_isV6)
            {
                Unsafe.WriteUnaligned(segment - size + DataOffset, _sources[index]);
            }
            else
            {
                Unsafe.WriteUnaligned(segment - size + DataOffset + sizeof(int), _sources[index].Last);
            }
        }

        if (run.Datagrams > 1)
        {
            Unsafe.WriteUnaligned(segment + DataOffset, (ushort)run.Size);
            header.ControlLength += SegmentSize;
        }
    }

    private void SendSingly(int descriptor, int index, ref SendResult result)
    {
        ref readonly var run = ref _runs[index];
        var message = _headers[index];
        message.ControlLength -= run.Datagrams > 1 ? SegmentSize : 0;
        message.SliceCount = 1;
        for (var i = 0; i < run.Datagrams; i++)
        {
            message.Slices = _slices + run.FirstSlice + i;
            var attempt = 0;
            SendVerdict? verdict = null;
            while (
                Libc.SendMessages(descriptor, &message, 1, SendFlags) != 1
                && (verdict = SendErrors.Classify(result.Error = Libc.LastError, segmented: false, attempt))
                    == SendVerdict.Retry
            )
            {
                attempt++;
                verdict = null;
            }

            if (verdict is null)
            {
                Count(ref result, new Run(0, _slices[run.FirstSlice + i].Length, 0));
            }
            else if (verdict == SendVerdict.TooBig)
            {
                result.TooBig++;
            }
            else if (verdict == SendVerdict.BufferFull)
            {
                result.BufferFull++;
            }
            else
            {
                result.Failed++;
            }
        }
    }

    /// <summary>What a destination last refused: longer datagrams than this go to it one by one for a time.</summary>
    private readonly record struct RefusedRun(uint Key, int LargestSegment, long Until);

    /// <summary>Datagrams that one message carries.</summary>
    private struct Run(int firstSlice, int size, uint key)
    {
        private bool _isComplete = size == 0;

        public uint Key { get; } = key;

        public int FirstSlice { get; } = firstSlice;

        /// <summary>Of each datagram but the last.</summary>
        public int Size { get; } = size;

        public int Datagrams { get; private set; } = 1;

        public int Bytes { get; private set; } = size;

        public readonly bool Takes(int length, uint key, int largestSegment) =>
            !_isComplete
            && key == Key
            && length > 0
            && length <= Size
            && Size <= largestSegment
            && Datagrams < MaxRun
            && Bytes + length <= MaxRunBytes;

        public void Add(int length)
        {
            Datagrams++;
            Bytes += length;
            _isComplete = length < Size;
        }
    }
}
