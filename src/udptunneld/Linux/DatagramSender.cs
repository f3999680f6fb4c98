// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;
using UdpTunnel.Memory;
using UdpTunnel.Packets;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Linux;

/// <summary>
/// Sends datagrams on UDP sockets, without waiting: a run is one message with <c>UDP_SEGMENT</c>, up to
/// <see cref="MaxMessages"/> messages go by one <c>sendmmsg</c>. The only place that knows the headers of outgoing
/// messages, and decides about refused ones.
/// </summary>
/// <remarks>
/// Batches belong to one thread; <see cref="TrySend"/> and <see cref="RefusesRuns"/> are anybody's.
/// <para>
/// The control messages of a message lie one behind the other, so that either may be left out. cmsghdr of in6_pktinfo:
/// length u64 = 36, level i32, type i32, address 16 bytes, interface u32 = 0, padded to 40 bytes; of in_pktinfo: 28,
/// level, type, interface i32 = 0, address u32, 0, padded to 32 bytes; of UDP_SEGMENT: length u64 = 18, level i32, type
/// i32, segment size u16, padded to 24 bytes.
/// </para>
/// </remarks>
internal sealed unsafe class DatagramSender : IDisposable
{
    private const int MaxMessages = 128;
    private const int SendFlags = MSG_DONTWAIT | MSG_NOSIGNAL;

    private const int SourceSizeV6 = 40;
    private const int SourceLengthV6 = 36;
    private const int SourceSizeV4 = 32;
    private const int SourceLengthV4 = 28;
    private const int SegmentSize = 24;
    private const int SegmentLength = 18;
    private const int ControlSize = SourceSizeV6 + SegmentSize;
    private const int DataOffset = 16;

    // Destinations whose path, or whose device, refused a run: each may have a size of its own, which may grow again. A
    // place is shared by the destinations that fall on it: one that is overwritten costs one more refused send.
    private const int RememberedRefusals = 64;
    private const long RefusalMilliseconds = 60_000;

    private readonly bool _isV6;
    private readonly int _largestSegment;
    private readonly NativeBuffer _tables;
    private readonly Libc.MessageHeader* _headers;
    private readonly byte* _controls;
    private readonly Message[] _messages = new Message[MaxMessages];
    private readonly RefusedRun[] _refusedRuns = new RefusedRun[RememberedRefusals];

    // Until when the last of the refused runs is remembered; 0 for none.
    private long _refusedUntil;

    /// <param name="isV6">Whether the sockets are of IPv6, or of both.</param>
    /// <param name="segments">Whether runs are wanted.</param>
    public DatagramSender(bool isV6, bool segments = true)
    {
        _isV6 = isV6;
        _largestSegment = segments ? int.MaxValue : 0;
        _tables = new NativeBuffer((nuint)(MaxMessages * (sizeof(Libc.MessageHeader) + ControlSize)));
        _headers = (Libc.MessageHeader*)_tables.Start;
        _controls = (byte*)(_headers + MaxMessages);
        for (var i = 0; i < MaxMessages; i++)
        {
            var segment = _controls + (i * ControlSize) + SourceSizeV6;
            WriteSourceHeader(segment - SourceSize);
            *(nint*)segment = SegmentLength;
            *(int*)(segment + 8) = IPPROTO_UDP;
            *(int*)(segment + 12) = UDP_SEGMENT;
        }
    }

    /// <summary>Whether a destination refused a run in the last minute: its datagrams go one by one.</summary>
    public bool RefusesRuns => Environment.TickCount64 < Volatile.Read(ref _refusedUntil);

    private int SourceSize => _isV6 ? SourceSizeV6 : SourceSizeV4;

    /// <summary>
    /// Sends everything in a batch: what finds no room in the socket's buffer is lost. Where a run is refused as a
    /// whole, its datagrams are sent one by one: nothing is lost by it. What did not leave stands in the batch's
    /// refusals.
    /// </summary>
    /// <param name="descriptor">The socket.</param>
    /// <param name="batch">The datagrams.</param>
    /// <param name="destinations">
    /// The endpoints that the batch's destinations are numbers of; none of them for a connected socket.
    /// </param>
    /// <param name="sources">
    /// From which addresses of this host they go, likewise, and none for the kernel to choose; empty if it always
    /// chooses. One that is no address of this host any more is cleared, and the kernel chooses.
    /// </param>
    public SendResult Send(
        int descriptor,
        SendBatch batch,
        ReadOnlySpan<Endpoint> destinations,
        Span<SourceAddress> sources
    )
    {
        var result = default(SendResult);
        var position = default(Message);
        fixed (Endpoint* names = destinations)
        {
            while (position.Run < batch.RunCount)
            {
                var count = Prepare(batch, names, sources, ref position);
                if (Transmit(descriptor, batch, count, names, sources, ref result) is { } again)
                {
                    position = again;
                }
            }
        }

        return result;
    }

    /// <summary>Sends one datagram.</summary>
    /// <param name="descriptor">The socket.</param>
    /// <param name="datagram">First byte.</param>
    /// <param name="length">Its length.</param>
    /// <param name="destination">Where to.</param>
    /// <param name="source">From which of this host's addresses; none for the kernel to choose.</param>
    /// <returns>Whether it left.</returns>
    public bool TrySend(int descriptor, byte* datagram, int length, in Endpoint destination, in SourceAddress source)
    {
        fixed (Endpoint* name = &destination)
        {
            var slice = new Slice(datagram, length);
            var message = new Libc.MessageHeader
            {
                Name = name,
                NameLength = destination.Length,
                Slices = &slice,
                SliceCount = 1,
            };
            if (!source.IsNone)
            {
                var control = stackalloc byte[SourceSizeV6];
                WriteSourceHeader(control);
                WriteSource(control, source);
                message.Control = control;
                message.ControlLength = SourceSize;
                if (Libc.SendMessages(descriptor, &message, 1, SendFlags) == 1)
                {
                    return true;
                }

                if (!SendErrors.MayBeOfSource(Libc.LastError))
                {
                    return false;
                }

                message.Control = null;
                message.ControlLength = 0;
            }

            return Libc.SendMessages(descriptor, &message, 1, SendFlags) == 1;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _tables.Dispose();

    /// <summary>
    /// Fills the message headers from a position in the batch on and moves it behind them: a run is one message where
    /// its destination takes runs, else each of its datagrams is one.
    /// </summary>
    private int Prepare(
        SendBatch batch,
        Endpoint* destinations,
        ReadOnlySpan<SourceAddress> sources,
        ref Message position
    )
    {
        var runs = batch.Runs;
        var count = 0;
        while (position.Run < runs.Length && count < MaxMessages)
        {
            ref readonly var run = ref runs[position.Run];
            var left = run.Datagrams - position.Datagram;
            var datagrams = run.DatagramSize <= LargestSegmentOf(destinations[run.Destination]) ? left : 1;
            var isLast = datagrams == left;
            var bytes = isLast ? run.TotalBytes - (position.Datagram * run.DatagramSize) : datagrams * run.DatagramSize;
            _messages[count] = position with { Datagrams = datagrams, Bytes = bytes };
            ref var header = ref _headers[count];
            header.Name = destinations + run.Destination;
            header.NameLength = destinations[run.Destination].Length;
            header.Slices = batch.Slices + run.FirstSlice + (position.Datagram * run.SlicesPerDatagram);
            header.SliceCount = datagrams * run.SlicesPerDatagram;
            SetControl(
                count++,
                sources.IsEmpty ? default : sources[run.Destination],
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
    /// Null, or the message that the kernel refuses as it was prepared, and will not as it is prepared next; it and the
    /// ones behind it did not leave.
    /// </returns>
    private Message? Transmit(
        int descriptor,
        SendBatch batch,
        int count,
        Endpoint* destinations,
        Span<SourceAddress> sources,
        ref SendResult result
    )
    {
        var next = 0;
        var attempt = 0;
        while (next < count)
        {
            var sent = Libc.SendMessages(descriptor, _headers + next, (uint)(count - next), SendFlags);
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

            var error = Libc.LastError;
            ref readonly var failed = ref _messages[next];
            ref readonly var run = ref batch.Runs[failed.Run];
            if (!sources.IsEmpty && !sources[run.Destination].IsNone && SendErrors.MayBeOfSource(error))
            {
                // The kernel's choice is better than nothing.
                sources[run.Destination] = default;
                return failed;
            }

            var verdict = SendErrors.Classify(error, failed.Datagrams > 1, attempt);
            if (verdict == SendVerdict.SendSingly)
            {
                // A device that cannot segment at all, or a path that takes less.
                Remember(destinations[run.Destination], error == Errno.InputOutput ? 0 : run.DatagramSize - 1);
                return failed;
            }

            result.Error = error;
            switch (verdict)
            {
                case SendVerdict.Retry:
                    attempt++;
                    continue;
                case SendVerdict.BufferFull:
                    // So it is for all behind it.
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

    private int LargestSegmentOf(in Endpoint destination)
    {
        if (_refusedUntil == 0)
        {
            return _largestSegment;
        }

        var now = Environment.TickCount64;
        if (now >= _refusedUntil)
        {
            Volatile.Write(ref _refusedUntil, 0);
            return _largestSegment;
        }

        ref readonly var refused = ref RefusedRunOf(destination);
        return now < refused.Until && refused.Destination.Equals(destination)
            ? Math.Min(refused.LargestSegment, _largestSegment)
            : _largestSegment;
    }

    private void Remember(in Endpoint destination, int largestSegment)
    {
        var until = Environment.TickCount64 + RefusalMilliseconds;
        RefusedRunOf(destination) = new RefusedRun(destination, largestSegment, until);
        Volatile.Write(ref _refusedUntil, until);
    }

    private ref RefusedRun RefusedRunOf(in Endpoint destination) =>
        ref _refusedRuns[(uint)destination.GetHashCode() % RememberedRefusals];

    private void SetControl(int index, in SourceAddress source, int segmentSize)
    {
        ref var header = ref _headers[index];
        var segment = _controls + (index * ControlSize) + SourceSizeV6;
        header.Control = segment;
        header.ControlLength = 0;
        if (!source.IsNone)
        {
            WriteSource(segment - SourceSize, source);
            header.Control = segment - SourceSize;
            header.ControlLength = SourceSize;
        }

        if (segmentSize > 0)
        {
            *(ushort*)(segment + DataOffset) = (ushort)segmentSize;
            header.ControlLength += SegmentSize;
        }
    }

    private void WriteSourceHeader(byte* control)
    {
        *(nint*)control = _isV6 ? SourceLengthV6 : SourceLengthV4;
        *(int*)(control + 8) = _isV6 ? IPPROTO_IPV6 : IPPROTO_IP;
        *(int*)(control + 12) = _isV6 ? IPV6_PKTINFO : IP_PKTINFO;
        new Span<byte>(control + DataOffset, SourceSize - DataOffset).Clear();
    }

    private void WriteSource(byte* control, in SourceAddress source)
    {
        if (_isV6)
        {
            Unsafe.WriteUnaligned(control + DataOffset, source);
        }
        else
        {
            Unsafe.WriteUnaligned(control + DataOffset + sizeof(int), source.Last);
        }
    }

    /// <summary>What one message carries: some datagrams of one run.</summary>
    private readonly record struct Message
    {
        public int Run { get; init; }

        /// <summary>The first datagram, counted within the run.</summary>
        public int Datagram { get; init; }

        public int Datagrams { get; init; }

        public int Bytes { get; init; }
    }

    /// <summary>What a destination last refused: longer datagrams than this go to it one by one for a time.</summary>
    private readonly record struct RefusedRun(Endpoint Destination, int LargestSegment, long Until);
}
