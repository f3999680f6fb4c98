using System.Collections.Concurrent;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay.Flows;

/// <summary>
/// The live flows of a sender, for one connection. The thread that sends to the service finds and opens them; the one that receives from it finds
/// them by number and closes them. Memory: up to MaxFlows flows of about 300 bytes and what the kernel keeps for a socket.
/// </summary>
internal sealed class SenderFlows(int maxFlows, IRelayCodec codec)
{
    private readonly SlotTable<SenderFlow> _slots = new();
    private readonly ConcurrentDictionary<byte[], SenderFlow> _byName = new(1, 64, new HostComparer());
    private readonly ConcurrentQueue<ushort> _freed = new();
    private readonly ConcurrentQueue<SenderFlow> _toClose = new();
    private ushort _generation;
    private int _nextSlot;
    private int _count;

    /// <summary>Flows whose sockets are open.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Whether there may be one more.</summary>
    public bool IsFull => Count >= maxFlows;

    /// <summary>All flows. Any thread.</summary>
    public IEnumerable<SenderFlow> All => _slots.All();

    /// <summary>The flow of a number.</summary>
    public SenderFlow? Find(uint id) => _slots.Find(id);

    /// <summary>The flow of a number or name. The sending thread.</summary>
    public SenderFlow? Find(in RelayFrame frame)
    {
        if (!codec.NamesFlows)
        {
            return _slots.Find(frame.FlowId);
        }

        return _byName.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(frame.Host, out var flow) ? flow : null;
    }

    /// <summary>Adds a flow for a socket. The sending thread; there must be room.</summary>
    public SenderFlow Add(in RelayFrame frame, int descriptor, long now)
    {
        var host = codec.NamesFlows ? frame.Host.ToArray() : [];
        var flow = new SenderFlow(codec.NamesFlows ? TakeId() : frame.FlowId, descriptor, host, codec.MakeLabel(host), now);
        if (_slots.At(flow.Slot) is { } older && older.TryEnd())
        {
            // The receiver has given the slot to another client, so it has ended this one.
            _toClose.Enqueue(older);
        }

        _slots.Set(flow);
        if (codec.NamesFlows)
        {
            _byName[host] = flow;
        }

        Interlocked.Increment(ref _count);
        return flow;
    }

    /// <summary>Ends a flow at the receiver's word. The sending thread.</summary>
    /// <returns>Whether there was one, so that the other thread has a socket to close.</returns>
    public bool TryEnd(uint id)
    {
        if (_slots.Find(id) is not { } flow || !flow.TryEnd())
        {
            return false;
        }

        Forget(flow);
        _toClose.Enqueue(flow);
        return true;
    }

    /// <summary>Ends what was idle for too long. The receiving thread.</summary>
    /// <returns>Flows that ended, to be closed and told.</returns>
    public List<SenderFlow> Sweep(long now, long timeout)
    {
        var ended = new List<SenderFlow>();
        foreach (var flow in _slots.All())
        {
            if (now - flow.LastUsed >= timeout && flow.TryEnd())
            {
                Forget(flow);
                ended.Add(flow);
            }
        }

        return ended;
    }

    /// <summary>The next flow whose socket is to be closed. The receiving thread.</summary>
    public bool TryTakeEnded(out SenderFlow? flow) => _toClose.TryDequeue(out flow);

    /// <summary>A flow's socket was closed. The receiving thread.</summary>
    public void Closed(SenderFlow flow)
    {
        if (codec.NamesFlows)
        {
            _freed.Enqueue(flow.Slot);
        }

        Interlocked.Decrement(ref _count);
    }

    private void Forget(SenderFlow flow)
    {
        _slots.Remove(flow);
        if (codec.NamesFlows)
        {
            _byName.TryRemove(KeyValuePair.Create(flow.Host, flow));
        }
    }

    private uint TakeId()
    {
        // As many slots as flows at the most, and those that were freed come back before the count allows another.
        if (!_freed.TryDequeue(out var slot))
        {
            slot = (ushort)_nextSlot++;
        }

        _generation = (ushort)Math.Max(1, (_generation + 1) & 0xFFFF);
        return FlowId.Make(slot, _generation);
    }
}
