// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Relay.Link;

/// <summary>A flow whose frames may wait for a connection. Its fields belong to the thread that writes.</summary>
/// <param name="id">Number on the wire.</param>
/// <param name="label">What the codec puts in front of each datagram.</param>
internal abstract class QueuedFlow(uint id, byte[] label)
{
    /// <summary>Number on the wire.</summary>
    public uint Id { get; } = id;

    /// <summary>What the codec puts in front of each datagram.</summary>
    public byte[] Label { get; } = label;

    /// <summary>Whether it is over: what waits of it leaves no more.</summary>
    public bool IsEnded { get; set; }

    /// <summary>Its frames in a <see cref="FairQueue"/>.</summary>
    public FairQueue.Waiting Waiting;

    /// <summary>The connection has taken a datagram of it.</summary>
    /// <param name="bytes">Length of the datagram.</param>
    public abstract void OnSent(int bytes);
}

/// <summary>
/// Frames that wait for a connection which is slower than they come. Flows take turns (deficit round robin), and one
/// that had nothing waiting goes first: so one that fills the connection delays itself and not the others, as in
/// fq_codel (RFC 8290). What waits is bounded by age: a burst passes, a standing queue does not. Pure; belongs to one
/// thread.
/// </summary>
/// <remarks>
/// Memory: 2 MiB in blocks of 256 bytes, and about 200 KiB for the lists. When it is full the flow with most gives way.
/// </remarks>
internal sealed class FairQueue
{
    /// <summary>
    /// Milliseconds that a frame may wait once its flow has had frames waiting for <see cref="Burst"/>.
    /// </summary>
    public const long MaxAge = 200;

    /// <summary>Milliseconds that a flow may have frames waiting before <see cref="MaxAge"/> counts.</summary>
    public const long Burst = 1_000;

    /// <summary>Bytes of a block.</summary>
    public const int BlockSize = 256;

    /// <summary>How many blocks there are.</summary>
    public const int Blocks = 8192;

    // What a flow may send in its turn: about a full frame of Ethernet.
    private const int Quantum = 1514;

    private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(Blocks * BlockSize);

    // The block behind each: of its frame, or of those that are free. 0 is none, so blocks count from 1.
    private readonly ushort[] _next = new ushort[Blocks + 1];

    // Of the first block of each frame.
    private readonly Frame[] _frames = new Frame[Blocks + 1];
    private readonly TurnList _new = new();
    private readonly TurnList _old = new();
    private ushort _firstFree;
    private int _used;
    private int _free = Blocks;
    private long _dropped;

    /// <summary>Whether nothing waits.</summary>
    public bool IsEmpty => _free == Blocks;

    /// <summary>Frames that were dropped since this was last asked.</summary>
    public long TakeDropped()
    {
        var dropped = _dropped;
        _dropped = 0;
        return dropped;
    }

    /// <summary>Adds a frame; it, or older ones, are dropped where there is no room.</summary>
    /// <param name="flow">Its flow.</param>
    /// <param name="frame">At least one byte.</param>
    /// <param name="datagram">Length of the datagram in it.</param>
    /// <param name="now">Milliseconds.</param>
    public void Add(QueuedFlow flow, ReadOnlySpan<byte> frame, int datagram, long now)
    {
        var needed = (frame.Length + BlockSize - 1) / BlockSize;
        while (_free < needed)
        {
            if (!DropFromFattest(needed - _free))
            {
                _dropped++;
                return;
            }
        }

        var first = Store(frame);
        _frames[first] = new Frame
        {
            Length = frame.Length,
            Datagram = datagram,
            Added = now,
        };
        ref var waiting = ref flow.Waiting;
        if (waiting.First == 0)
        {
            waiting.First = first;
            waiting.Since = now;
        }
        else
        {
            _frames[waiting.Last].Next = first;
        }

        waiting.Last = first;
        waiting.Blocks += needed;
        if (!waiting.HasTurns)
        {
            waiting.HasTurns = true;
            waiting.Deficit = Quantum;
            _new.Append(flow);
        }
    }

    /// <summary>Takes the frame whose turn it is.</summary>
    /// <param name="output">Room for the longest frame.</param>
    /// <param name="now">Milliseconds.</param>
    /// <param name="flow">Its flow.</param>
    /// <param name="datagram">Length of the datagram in it.</param>
    /// <returns>Its length; 0 if there is none.</returns>
    public int Take(Span<byte> output, long now, out QueuedFlow? flow, out int datagram)
    {
        while (true)
        {
            var list = _new.First is not null ? _new : _old;
            flow = list.First;
            datagram = 0;
            if (flow is null)
            {
                return 0;
            }

            ref var waiting = ref flow.Waiting;
            Expire(flow, now);
            if (waiting.First == 0)
            {
                list.RemoveFirst();
                if (ReferenceEquals(list, _new) && _old.First is not null)
                {
                    // Not at once forgotten: else a flow would be new again with each frame.
                    _old.Append(flow);
                }
                else
                {
                    waiting.HasTurns = false;
                }
            }
            else if (waiting.Deficit <= 0)
            {
                waiting.Deficit += Quantum;
                list.RemoveFirst();
                _old.Append(flow);
            }
            else
            {
                ref readonly var frame = ref _frames[waiting.First];
                var length = frame.Length;
                datagram = frame.Datagram;
                Load(waiting.First, output[..length]);
                waiting.Deficit -= length;
                RemoveFirst(flow);
                return length;
            }
        }
    }

    /// <summary>Drops everything.</summary>
    public void Clear()
    {
        foreach (var list in new[] { _new, _old })
        {
            while (list.First is { } flow)
            {
                while (flow.Waiting.First != 0)
                {
                    RemoveFirst(flow);
                    _dropped++;
                }

                list.RemoveFirst();
                flow.Waiting.HasTurns = false;
            }
        }
    }

    private void Expire(QueuedFlow flow, long now)
    {
        ref var waiting = ref flow.Waiting;
        while (
            waiting.First != 0
            && (flow.IsEnded || (now - waiting.Since >= Burst && now - _frames[waiting.First].Added >= MaxAge))
        )
        {
            RemoveFirst(flow);
            _dropped++;
        }
    }

    /// <returns>False if nothing waits.</returns>
    private bool DropFromFattest(int blocks)
    {
        QueuedFlow? fattest = null;
        foreach (var list in (ReadOnlySpan<TurnList>)[_new, _old])
        {
            for (var flow = list.First; flow is not null; flow = flow.Waiting.NextInTurn)
            {
                if (flow.Waiting.Blocks > (fattest?.Waiting.Blocks ?? 0))
                {
                    fattest = flow;
                }
            }
        }

        if (fattest is null)
        {
            return false;
        }

        // More than is needed, so that the next frames find room without another search.
        var left = fattest.Waiting.Blocks - Math.Max(blocks, fattest.Waiting.Blocks / 8);
        while (fattest.Waiting.First != 0 && fattest.Waiting.Blocks > left)
        {
            RemoveFirst(fattest);
            _dropped++;
        }

        return true;
    }

    private void RemoveFirst(QueuedFlow flow)
    {
        ref var waiting = ref flow.Waiting;
        var first = waiting.First;
        waiting.First = _frames[first].Next;
        if (waiting.First == 0)
        {
            waiting.Last = 0;
        }

        var block = first;
        while (block != 0)
        {
            var next = _next[block];
            _next[block] = _firstFree;
            _firstFree = block;
            _free++;
            waiting.Blocks--;
            block = next;
        }
    }

    private ushort Store(ReadOnlySpan<byte> frame)
    {
        ushort first = 0;
        ushort last = 0;
        while (frame.Length > 0)
        {
            var block = _firstFree;
            if (block == 0)
            {
                block = (ushort)++_used;
            }
            else
            {
                _firstFree = _next[block];
            }

            _free--;
            _next[block] = 0;
            if (first == 0)
            {
                first = block;
            }
            else
            {
                _next[last] = block;
            }

            last = block;
            var part = frame[..Math.Min(BlockSize, frame.Length)];
            part.CopyTo(_bytes.AsSpan((block - 1) * BlockSize));
            frame = frame[part.Length..];
        }

        return first;
    }

    private void Load(ushort first, Span<byte> output)
    {
        for (var block = first; block != 0; block = _next[block])
        {
            var length = Math.Min(BlockSize, output.Length);
            _bytes.AsSpan((block - 1) * BlockSize, length).CopyTo(output);
            output = output[length..];
        }
    }

    /// <summary>The frames of a flow that wait, and its turns.</summary>
    internal struct Waiting
    {
        /// <summary>First block of its first frame; 0 for none.</summary>
        public ushort First;

        /// <summary>First block of its last frame.</summary>
        public ushort Last;

        /// <summary>Blocks of all of them.</summary>
        public int Blocks;

        /// <summary>Since when there is one, in milliseconds.</summary>
        public long Since;

        /// <summary>Bytes that it may send before another's turn.</summary>
        public int Deficit;

        /// <summary>Whether it is in a list of those that take turns.</summary>
        public bool HasTurns;

        /// <summary>The flow behind it there.</summary>
        public QueuedFlow? NextInTurn;
    }

    private struct Frame
    {
        public int Length;
        public int Datagram;
        public long Added;
        public ushort Next;
    }

    /// <summary>Flows that take turns.</summary>
    private sealed class TurnList
    {
        private QueuedFlow? _last;

        public QueuedFlow? First { get; private set; }

        public void Append(QueuedFlow flow)
        {
            if (_last is null)
            {
                First = flow;
            }
            else
            {
                _last.Waiting.NextInTurn = flow;
            }

            _last = flow;
        }

        public void RemoveFirst()
        {
            var flow = First!;
            First = flow.Waiting.NextInTurn;
            flow.Waiting.NextInTurn = null;
            if (First is null)
            {
                _last = null;
            }
        }
    }
}
