// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay.Flows;

/// <summary>
/// The live flows of a sender, for one connection. They belong to the thread that carries datagrams; any other may
/// count and list them. Memory: up to MaxFlows flows of about 400 bytes and the kernel's part of a socket.
/// </summary>
internal sealed class SenderFlows(int maxFlows, IRelayCodec codec)
{
    private readonly SlotTable<SenderFlow> _slots = new();
    private readonly Dictionary<byte[], SenderFlow> _byName = new(new HostComparer());
    private readonly FlowRanks _ranks = new(maxFlows);
    private readonly Queue<ushort> _freed = new();
    private ushort _generation;
    private int _nextSlot;
    private int _count;

    /// <summary>Live flows. Any thread.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>The most flows. Any thread.</summary>
    public int Most
    {
        get => _ranks.MaxFlows;
        set => _ranks.MaxFlows = value;
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

    /// <summary>
    /// The flow whose place a new one takes: the receiver has given its slot to another client, so it has ended this
    /// one.
    /// </summary>
    public SenderFlow? Predecessor(in RelayFrame frame) =>
        codec.NamesFlows ? null : _slots.At(FlowId.SlotOf(frame.FlowId));

    /// <summary>Adds a flow for a socket; there must be room, and no predecessor.</summary>
    /// <param name="frame">The flow's first datagram.</param>
    /// <param name="descriptor">The socket.</param>
    /// <param name="service">The service that its client asks.</param>
    /// <param name="place">Where that is.</param>
    /// <param name="origin">What the receiver told of it; null where the protocol tells nothing.</param>
    /// <param name="proxy">Whether the service is told who the client is, if the client is known.</param>
    /// <param name="now">Milliseconds.</param>
    public SenderFlow Add(
        in RelayFrame frame,
        int descriptor,
        ServicePlace service,
        ServicePlace.Place place,
        FlowOpening? origin,
        ProxyProtocol proxy,
        long now
    )
    {
        var host = codec.NamesFlows ? frame.Host.ToArray() : [];
        var id = codec.NamesFlows ? TakeId() : frame.FlowId;
        var flow = new SenderFlow(id, descriptor, service, place, host, codec.MakeLabel(host), now)
        {
            Origin = origin,
            ProxyHeader = proxy != ProxyProtocol.Off && origin is { } known ? ProxyHeader.Of(known) : null,
            IntroducesEach = proxy == ProxyProtocol.V2Every,
        };
        _slots.Set(flow);
        if (codec.NamesFlows)
        {
            _byName[host] = flow;
        }

        _ranks.Add(flow, now);
        Volatile.Write(ref _count, _count + 1);
        return flow;
    }

    /// <inheritdoc cref="FlowRanks.Yielding(long)"/>
    public SenderFlow? Yielding(long now) => (SenderFlow?)_ranks.Yielding(now);

    /// <summary>The client sends.</summary>
    public void OnRequest(SenderFlow flow, long now) => _ranks.OnRequest(flow, now);

    /// <summary>The service answers.</summary>
    public void OnAnswer(SenderFlow flow, long now) => _ranks.OnAnswer(flow, now);

    /// <summary>Ends a flow. Its socket is the caller's to close.</summary>
    public void End(SenderFlow flow)
    {
        _slots.Remove(flow);
        if (codec.NamesFlows)
        {
            _byName.Remove(flow.Host);
            _freed.Enqueue(flow.Slot);
        }

        _ranks.Remove(flow);
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
