// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Linux;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay.Flows;

/// <summary>
/// The live flows of a receiver, for one connection. They belong to the thread that carries datagrams; any other may
/// count and list them. Memory: up to MaxFlows flows of about 900 bytes, all tables included.
/// </summary>
/// <remarks>
/// A source opens flows at a bounded rate. In a full table one of the others gives way (<see cref="FlowRanks"/>): so no
/// source keeps the clients of others out, and spoofed sources push out no conversation that goes on.
/// </remarks>
/// <param name="maxFlows">Most flows.</param>
/// <param name="idleTimeout">In milliseconds.</param>
/// <param name="codec">Makes labels.</param>
/// <param name="nameOf">Name of a client, for codecs that name flows.</param>
/// <param name="bounds">Who may be a client; null for everybody.</param>
internal sealed class ReceiverFlows(
    int maxFlows,
    long idleTimeout,
    IRelayCodec codec,
    Func<Endpoint, byte[]> nameOf,
    ClientBounds? bounds = null
)
{
    private readonly SlotTable<ReceiverFlow> _slots = new();
    private readonly Dictionary<ClientKey, ReceiverFlow> _bySource = new(new ClientKeyComparer());
    private readonly Dictionary<byte[], ReceiverFlow> _byName = new(new HostComparer());
    private readonly FlowRanks _ranks = new(maxFlows);
    private readonly Queue<ushort> _freed = new();
    private readonly TokenBuckets _buckets = new();
    private ushort[] _generations = new ushort[maxFlows];
    private bool _hasOtherBounds;
    private int _nextSlot;
    private int _count;

    /// <summary>Live flows. Any thread.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>All flows. Any thread.</summary>
    public IEnumerable<ReceiverFlow> All => _slots.All();

    /// <summary>The flow of a number or name.</summary>
    public ReceiverFlow? Find(in RelayFrame frame)
    {
        if (!codec.NamesFlows)
        {
            return _slots.Find(frame.FlowId);
        }

        return _byName.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(frame.Host, out var flow) ? flow : null;
    }

    /// <summary>The flow of a source.</summary>
    /// <param name="source">The client.</param>
    /// <param name="socket">The socket that it sends to; null for the only one.</param>
    public ReceiverFlow? Find(in Endpoint source, ClientSocket? socket = null) =>
        _bySource.GetValueOrDefault(KeyOf(source, socket));

    /// <summary>The live flow of a number.</summary>
    public ReceiverFlow? Find(uint id) => _slots.Find(id);

    /// <summary>Opens a flow for a source that has none.</summary>
    /// <param name="source">The client.</param>
    /// <param name="now">Milliseconds.</param>
    /// <param name="flow">The flow.</param>
    /// <param name="displaced">A flow that gave way, which the other end should forget; or null.</param>
    /// <param name="socket">The socket that the client sends to; null for the only one.</param>
    /// <returns><see cref="RelayDropReason.None"/>, or why there is no flow.</returns>
    public RelayDropReason TryOpen(
        in Endpoint source,
        long now,
        out ReceiverFlow? flow,
        out ReceiverFlow? displaced,
        ClientSocket? socket = null
    )
    {
        flow = null;
        displaced = null;
        if (bounds?.MayOpen(source, now) is { } refusal and not RelayDropReason.None)
        {
            return refusal;
        }

        var (high, low) = source.AddressBits;
        if (!_buckets.TryTake(high, low, now))
        {
            return RelayDropReason.FlowRate;
        }

        var network = SourceNetwork.Of(source);
        if (_count >= maxFlows)
        {
            displaced = (ReceiverFlow?)_ranks.Yielding(network, now);
            if (displaced is null)
            {
                return RelayDropReason.FlowLimit;
            }

            End(displaced);
        }

        var name = codec.NamesFlows ? nameOf(source) : [];
        flow = new ReceiverFlow(TakeId(), source, name, codec.MakeLabel(name), now) { Socket = socket };
        _slots.Set(flow);
        _bySource.Add(KeyOf(source, socket), flow);
        if (codec.NamesFlows)
        {
            _byName[name] = flow;
        }

        _ranks.Add(flow, network, now);
        Volatile.Write(ref _count, _count + 1);
        return RelayDropReason.None;
    }

    /// <summary>Whether a client may send so many bytes.</summary>
    public bool MaySend(ReceiverFlow flow, int bytes, long now) => bounds?.MaySend(flow.Endpoint, bytes, now) ?? true;

    /// <summary>The client sends.</summary>
    public void OnRequest(ReceiverFlow flow, long now) => _ranks.OnRequest(flow, now);

    /// <summary>The service answers.</summary>
    public void OnAnswer(ReceiverFlow flow, long now) => _ranks.OnAnswer(flow, now);

    /// <summary>Ends a flow.</summary>
    public void End(ReceiverFlow flow)
    {
        _bySource.Remove(KeyOf(flow.Endpoint, flow.Socket));
        _slots.Remove(flow);
        if (codec.NamesFlows)
        {
            _byName.Remove(flow.Host);
        }

        _ranks.Remove(flow);

        // The longer a slot rests, the later its number comes again.
        _freed.Enqueue(flow.Slot);
        Volatile.Write(ref _count, _count - 1);
    }

    /// <summary>
    /// Other bounds hold from now on; flows above them stay until they end, and those of clients that are allowed no
    /// more end with the next sweep.
    /// </summary>
    /// <param name="flows">Most flows.</param>
    /// <param name="idle">In milliseconds.</param>
    /// <param name="clients">Who may be a client; null for everybody.</param>
    public void Change(int flows, long idle, ClientBounds? clients)
    {
        maxFlows = flows;
        idleTimeout = idle;
        bounds = clients;
        _hasOtherBounds = true;
        _ranks.MaxFlows = flows;
        if (flows > _generations.Length)
        {
            Array.Resize(ref _generations, flows);
        }
    }

    /// <summary>Ends the flows that were idle for too long; once a second.</summary>
    /// <param name="now">Milliseconds.</param>
    /// <param name="ended">Takes the flows that ended.</param>
    public void Sweep(long now, List<ReceiverFlow> ended)
    {
        if (_hasOtherBounds)
        {
            _hasOtherBounds = false;
            ended.AddRange(_bySource.Values.Where(f => bounds?.IsAllowed(f.Endpoint) == false));
            ended.ForEach(End);
        }

        while (_ranks.Overdue(now, idleTimeout) is ReceiverFlow flow)
        {
            End(flow);
            ended.Add(flow);
        }
    }

    private static ClientKey KeyOf(in Endpoint source, ClientSocket? socket) => new(source, socket?.Number ?? 0);

    private uint TakeId()
    {
        // Fresh slots first, so that a number comes again as late as possible.
        var slot = _nextSlot < maxFlows ? (ushort)_nextSlot++ : _freed.Dequeue();
        var generation = (ushort)(_generations[slot] + 1);
        _generations[slot] = Math.Max(generation, (ushort)1);
        return FlowId.Make(slot, _generations[slot]);
    }
}
