using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay.Flows;

/// <summary>
/// The live flows of a sender, for one connection. They belong to the thread that carries datagrams; any other may count and list them. Memory: up to
/// MaxFlows flows of about 300 bytes and what the kernel keeps for a socket.
/// </summary>
internal sealed class SenderFlows(int maxFlows, IRelayCodec codec)
{
    private readonly SlotTable<SenderFlow> _slots = new();
    private readonly Dictionary<byte[], SenderFlow> _byName = new(new HostComparer());
    private readonly Queue<ushort> _freed = new();
    private ushort _generation;
    private int _nextSlot;
    private int _count;
    private int _most = maxFlows;

    /// <summary>Live flows. Any thread.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>The most flows. Any thread.</summary>
    public int Most
    {
        get => Volatile.Read(ref _most);
        set => Volatile.Write(ref _most, value);
    }

    /// <summary>Whether there may be one more.</summary>
    public bool IsFull => _count >= Most;

    /// <summary>All flows. Any thread.</summary>
    public IEnumerable<SenderFlow> All => _slots.All();

    /// <summary>The flow of a number.</summary>
    public SenderFlow? Find(uint id) => _slots.Find(id);

    /// <summary>The flow of a number or name.</summary>
    public SenderFlow? Find(in RelayFrame frame)
    {
        if (!codec.NamesFlows)
        {
            return _slots.Find(frame.FlowId);
        }

        return _byName.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(frame.Host, out var flow) ? flow : null;
    }

    /// <summary>The flow whose place a new one takes: the receiver has given its slot to another client, so it has ended this one.</summary>
    public SenderFlow? Predecessor(in RelayFrame frame) => codec.NamesFlows ? null : _slots.At(FlowId.SlotOf(frame.FlowId));

    /// <summary>Adds a flow for a socket; there must be room, and no predecessor.</summary>
    public SenderFlow Add(in RelayFrame frame, int descriptor, long now) =>
        Add(frame, descriptor, null, null, ProxyProtocol.Off, now);

    /// <summary>The same with what is known of it.</summary>
    /// <param name="frame">The flow's first datagram.</param>
    /// <param name="descriptor">The socket.</param>
    /// <param name="target">Where its datagrams go to.</param>
    /// <param name="origin">What the receiver told of it; null where the protocol tells nothing.</param>
    /// <param name="proxy">Whether the service is told who the client is; for a flow whose client is known.</param>
    /// <param name="now">Milliseconds.</param>
    public SenderFlow Add(
        in RelayFrame frame, int descriptor, IPEndPoint? target, FlowOpening? origin, ProxyProtocol proxy, long now)
    {
        var host = codec.NamesFlows ? frame.Host.ToArray() : [];
        var id = codec.NamesFlows ? TakeId() : frame.FlowId;
        var flow = new SenderFlow(id, descriptor, host, codec.MakeLabel(host), now)
        {
            Target = target,
            Origin = origin,
            ProxyHeader = proxy != ProxyProtocol.Off && origin is { } known ? ProxyHeader.Of(known) : null,
            IntroducesEach = proxy == ProxyProtocol.V2Every,
        };
        _slots.Set(flow);
        if (codec.NamesFlows)
        {
            _byName[host] = flow;
        }

        Volatile.Write(ref _count, _count + 1);
        return flow;
    }

    /// <summary>Ends a flow. Its socket is the caller's to close.</summary>
    public void End(SenderFlow flow)
    {
        _slots.Remove(flow);
        if (codec.NamesFlows)
        {
            _byName.Remove(flow.Host);
            _freed.Enqueue(flow.Slot);
        }

        Volatile.Write(ref _count, _count - 1);
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
