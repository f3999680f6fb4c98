// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay.Link;

/// <summary>
/// Puts frames on a connection that carries datagrams: collects the frames of one wake-up and sends them by one system
/// call that never blocks. Belongs to one thread.
/// </summary>
/// <remarks>
/// The kernel is given no more than it sends within some 10 ms, as measured: what waits there cannot be put in another
/// order. The rest waits in a <see cref="FairQueue"/>, and frames other than datagrams pass it by. Memory per
/// connection: 256 KiB for frames, 512 KiB for bytes that the connection has not taken yet, and the queue.
/// </remarks>
internal sealed class FrameWriter
{
    /// <summary>
    /// Room for bytes that wait: frames that were collected, their TLS records' overhead, and control frames.
    /// </summary>
    public const int PendingSize = 2 * FramesSize;

    private const int FramesSize = 256 * 1024;
    private const int MostStaged = 4096;

    // Pongs and the like still pass when datagrams wait, but need not when the connection stands still.
    private const int ControlLimit = FramesSize + (FramesSize / 2);

    // Bytes that the kernel may hold and not have sent: of some 10 ms, between a few frames and one batch.
    private const int LeastBudget = 4 * 1024;
    private const int FirstBudget = 64 * 1024;
    private const int MostBudget = FramesSize;
    private const double BudgetSeconds = 0.010;
    private const double LeastMeasure = 0.005;

    private readonly TcpSocket _socket;
    private readonly LinkStream _stream;
    private readonly IRelayCodec _codec;
    private readonly LockStep _step;
    private readonly RelayCounters _counters;
    private readonly bool _toService;
    private readonly byte[] _frames = GC.AllocateUninitializedArray<byte>(FramesSize);
    private readonly Staged[] _staged = new Staged[MostStaged];
    private readonly FairQueue _queue = new();
    private int _count;
    private int _stagedCount;
    private bool _isBroken;
    private int _budget = FirstBudget;

    // At least what the kernel holds and has not sent.
    private int _handed;
    private long _written;
    private long _measuredFrom;
    private long _leftBefore;

    /// <param name="socket">The connection.</param>
    /// <param name="stream">Its bytes.</param>
    /// <param name="codec">The protocol.</param>
    /// <param name="step">Told of each datagram.</param>
    /// <param name="counters">Of this thread: datagrams that the connection took, and those that it did not.</param>
    /// <param name="toService">Whether the datagrams go to the service, or to clients.</param>
    public FrameWriter(
        TcpSocket socket,
        LinkStream stream,
        IRelayCodec codec,
        LockStep step,
        RelayCounters counters,
        bool toService
    )
    {
        (_socket, _stream, _codec, _step) = (socket, stream, codec, step);
        (_counters, _toService) = (counters, toService);
        socket.SetUnsentLimit(_budget);
    }

    /// <summary>Whether frames wait for the connection to take them.</summary>
    public bool IsPending => _stream.PendingCount > 0 || !_queue.IsEmpty;

    /// <summary>The connection.</summary>
    public TcpSocket Socket => _socket;

    /// <summary>
    /// Adds a datagram. It is counted when the connection takes it, or as <see cref="RelayDropReason.QueueFull"/>.
    /// </summary>
    public void Add(QueuedFlow flow, ReadOnlySpan<byte> datagram)
    {
        Reserve(_codec.FrameLength(datagram.Length, flow.Label));
        var length = _codec.WriteDatagram(_frames.AsSpan(_count), flow.Id, flow.Label, datagram);
        _count += length;
        _staged[_stagedCount++] = new Staged(flow, length, datagram.Length);
        _step.CountSent();
    }

    /// <summary>
    /// Adds another frame; it is left out if too much is pending, for none is needed while the connection stands still.
    /// </summary>
    public void AddControl(FrameType type, uint flowId, ReadOnlySpan<byte> payload)
    {
        Reserve(TlsCodec.HeaderLength + TlsCodec.MaxControl);
        var length = _codec.WriteControl(_frames.AsSpan(_count), type, flowId, payload);
        if (length > 0)
        {
            _count += length;
            _staged[_stagedCount++] = new Staged(null, length, 0);
        }
    }

    /// <summary>Sends the frames that the connection takes now; the others wait.</summary>
    public void Flush()
    {
        var now = RelayTimes.Now;
        Check(_stream.TryFlush());
        SendStaged(now);
        SendQueued(now);
        if (_isBroken)
        {
            _queue.Clear();
            _stream.Discard();
        }

        if (_queue.TakeDropped() is > 0 and var dropped)
        {
            _counters.CountDrop(RelayDropReason.QueueFull, dropped);
        }

        Measure();
    }

    /// <summary>The connection is over: drops what waits.</summary>
    public void Abandon()
    {
        _queue.Clear();
        _counters.CountDrop(RelayDropReason.QueueFull, _queue.TakeDropped());
    }

    private void SendStaged(long now)
    {
        var start = 0;
        var next = 0;
        while (next < _stagedCount && !_isBroken && !IsPending && Room() is > 0 and var room)
        {
            // As many frames as fit, and at least one.
            var end = start;
            var first = next;
            do
            {
                end += _staged[next++].Length;
            } while (next < _stagedCount && end - start + _staged[next].Length <= room);

            Send(_frames.AsSpan(start, end - start));
            for (; first < next; first++)
            {
                CountSent(_staged[first].Flow, _staged[first].Datagram);
            }

            start = end;
        }

        for (; next < _stagedCount; next++)
        {
            ref readonly var staged = ref _staged[next];
            var frame = _frames.AsSpan(start, staged.Length);
            start += staged.Length;
            if (staged.Flow is { } flow)
            {
                _queue.Add(flow, frame, staged.Datagram, now);
            }
            else if (!_isBroken && _stream.PendingCount + frame.Length <= ControlLimit)
            {
                Send(frame);
            }
        }

        Array.Clear(_staged, 0, _stagedCount);
        _stagedCount = 0;
        _count = 0;
    }

    private void SendQueued(long now)
    {
        while (!_isBroken && !_queue.IsEmpty && _stream.PendingCount == 0 && Room() is > 0 and var room)
        {
            var count = 0;
            while (
                count < Math.Min(room, FramesSize / 2)
                && _queue.Take(_frames.AsSpan(count), now, out var flow, out var datagram) is > 0 and var length
            )
            {
                count += length;
                CountSent(flow, datagram);
            }

            if (count > 0)
            {
                Send(_frames.AsSpan(0, count));
            }
        }
    }

    private void Send(ReadOnlySpan<byte> frames)
    {
        Check(_stream.TryWrite(frames) && _stream.TryFlush());
        _handed += frames.Length;
        _written += frames.Length;
    }

    private void Check(bool isAlive)
    {
        if (!isAlive && !_isBroken)
        {
            // Nothing can be sent any more; the next read finds the end.
            _isBroken = true;
            _socket.Shutdown();
        }
    }

    private void CountSent(QueuedFlow? flow, int bytes)
    {
        if (flow is null)
        {
            return;
        }

        flow.OnSent(bytes);
        if (_toService)
        {
            _counters.CountToService(1, bytes);
        }
        else
        {
            _counters.CountToClients(1, bytes);
        }
    }

    /// <summary>Bytes that the kernel may be given now.</summary>
    private int Room()
    {
        if (_handed > _budget / 2)
        {
            _handed = _socket.Unsent();
        }

        return _budget - _handed;
    }

    /// <summary>While frames wait, the connection sends all that it can: so its rate is seen.</summary>
    private void Measure()
    {
        if (!IsPending)
        {
            _measuredFrom = 0;
            return;
        }

        var now = Stopwatch.GetTimestamp();
        _handed = _socket.Unsent();
        var left = _written - _stream.PendingCount - _handed;
        if (_measuredFrom == 0)
        {
            (_measuredFrom, _leftBefore) = (now, left);
            return;
        }

        var seconds = Stopwatch.GetElapsedTime(_measuredFrom, now).TotalSeconds;
        if (seconds < LeastMeasure)
        {
            return;
        }

        var wanted = (left - _leftBefore) / seconds * BudgetSeconds;
        (_measuredFrom, _leftBefore) = (now, left);
        var budget = (int)Math.Clamp(wanted, LeastBudget, MostBudget);

        // Small differences are the moment's.
        if (budget > _budget * 3 / 2 || budget < _budget * 2 / 3)
        {
            _budget = budget;
            _socket.SetUnsentLimit(budget);
        }
    }

    private void Reserve(int length)
    {
        if (_count + length > FramesSize || _stagedCount == MostStaged)
        {
            // Long datagrams that came at once are more than fit, and the connection may well take them.
            Flush();
        }
    }

    /// <summary>A frame that was collected; of no flow if it is no datagram.</summary>
    private readonly record struct Staged(QueuedFlow? Flow, int Length, int Datagram);
}
