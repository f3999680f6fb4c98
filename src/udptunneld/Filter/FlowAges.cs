using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace UdpTunnel.Filter;

/// <summary>
/// How many flows of a flow table were used last in each second of the last 300, hence how many are alive, without
/// looking at any of them: when the clock goes on by a second, the flows of one second ago 300 die together. Belongs to
/// the table's writer; <see cref="Count"/> and <see cref="Generation"/> may be read by any thread.
/// </summary>
/// <param name="memory">
/// <see cref="Size"/> zeroed bytes. Outside the table's object, so that the reader's look-ups do not share a cache line
/// with the writer's counters.
/// </param>
internal readonly unsafe struct FlowAges(byte* memory)
{
    /// <summary>In bytes.</summary>
    public const int Size = HeadSize + (Seconds * sizeof(int));

    private const int HeadSize = 64;

    // The power of two above the lifetime: so a second finds its counter by its low bits, also when the clock's 32 bits
    // wrap.
    private const int Seconds = 512;

    private readonly Head* _head = (Head*)memory;
    private readonly int* _used = (int*)(memory + HeadSize);

    /// <summary>Flows that are alive at the writer's clock.</summary>
    public int Alive => _head->Alive;

    /// <summary>How many flows were new since the table was made.</summary>
    public long Generation => Volatile.Read(ref _head->Generation);

    /// <summary>Sets the writer's clock. It never goes back: an earlier time is taken for the latest one.</summary>
    /// <param name="now">Seconds.</param>
    /// <returns>The writer's clock.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Advance(uint now)
    {
        if (now != _head->Now || !_head->Started)
        {
            AdvanceSlowly(now);
        }

        return _head->Now;
    }

    /// <summary>A flow is new, or was dead.</summary>
    /// <param name="used">Its second; alive at the writer's clock.</param>
    public void Add(uint used)
    {
        _used[used % Seconds]++;
        _head->Alive++;
        Volatile.Write(ref _head->Generation, _head->Generation + 1);
    }

    /// <summary>A flow that is alive was used again.</summary>
    /// <param name="before">Its second until now.</param>
    /// <param name="used">Its second from now on.</param>
    public void Move(uint before, uint used)
    {
        _used[before % Seconds]--;
        _used[used % Seconds]++;
    }

    /// <summary>A flow that is alive gave way to another one.</summary>
    /// <param name="used">Its second.</param>
    public void Remove(uint used)
    {
        _used[used % Seconds]--;
        _head->Alive--;
    }

    /// <summary>Flows that are alive. While the writer is at work it may be off by what changes in that
    /// moment.</summary>
    /// <param name="now">Seconds, of the same clock as the writer's.</param>
    public int Count(uint now)
    {
        uint latest = Volatile.Read(ref _head->Now);
        int count = 0;
        for (uint age = 0; age < FlowTable.Lifetime; age++)
        {
            uint second = latest - age;
            if ((int)(now - second) < (int)FlowTable.Lifetime)
            {
                count += Volatile.Read(ref _used[second % Seconds]);
            }
        }

        return Math.Max(count, 0);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AdvanceSlowly(uint now)
    {
        int step = (int)(now - _head->Now);
        if (!_head->Started)
        {
            _head->Started = true;
        }
        else if (step <= 0)
        {
            return;
        }
        else if (step >= FlowTable.Lifetime)
        {
            NativeMemory.Clear(_used, Seconds * sizeof(int));
            _head->Alive = 0;
        }
        else
        {
            for (uint second = _head->Now + 1 - FlowTable.Lifetime; step > 0; second++, step--)
            {
                _head->Alive -= _used[second % Seconds];
                _used[second % Seconds] = 0;
            }
        }

        Volatile.Write(ref _head->Now, now);
    }

    [StructLayout(LayoutKind.Sequential, Size = HeadSize)]
    private struct Head
    {
        public long Generation;
        public uint Now;
        public int Alive;
        public bool Started;
    }
}
