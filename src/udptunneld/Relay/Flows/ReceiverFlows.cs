using UdpTunnel.Linux;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay.Flows;

/// <summary>
/// The live flows of a receiver, for one connection. They belong to the thread that carries datagrams; any other may count and list them. Memory: up to
/// MaxFlows flows of about 400 bytes, all tables included.
/// </summary>
/// <remarks>
/// Spoofed sources push out nobody who was answered: a source address opens flows at a bounded rate, and flows that the service has not answered live
/// 10 s and give way in a full table, the oldest first, while they hold half of it or more, like the SYN backlog of TCP. Not before it is full: of many
/// clients that begin at once all wait for an answer.
/// </remarks>
/// <param name="maxFlows">Most flows.</param>
/// <param name="idleTimeout">In milliseconds.</param>
/// <param name="codec">Makes labels.</param>
/// <param name="nameOf">Name of a client, for codecs that name flows.</param>
internal sealed class ReceiverFlows(int maxFlows, long idleTimeout, IRelayCodec codec, Func<Endpoint, byte[]> nameOf)
{
    /// <summary>How long a flow lives that was never answered, in milliseconds.</summary>
    public const long UnansweredTimeout = 10_000;

    // In a small table nobody gives way: its users know their few clients.
    private const int SmallTable = 64;

    private readonly SlotTable<ReceiverFlow> _slots = new();
    private readonly Dictionary<ClientKey, ReceiverFlow> _bySource = new(new ClientKeyComparer());
    private readonly Dictionary<byte[], ReceiverFlow> _byName = new(new HostComparer());
    private readonly LinkedList<ReceiverFlow> _unanswered = [];
    private readonly Queue<ushort> _freed = new();
    private readonly TokenBuckets _buckets = new();
    private ushort[] _generations = new ushort[maxFlows];
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
    /// <param name="evicted">A flow that gave way, which the other end should forget; or null.</param>
    /// <param name="socket">The socket that the client sends to; null for the only one.</param>
    /// <returns><see cref="RelayDropReason.None"/>, or why there is no flow.</returns>
    public RelayDropReason TryOpen(
        in Endpoint source, long now, out ReceiverFlow? flow, out ReceiverFlow? evicted, ClientSocket? socket = null)
    {
        flow = null;
        evicted = null;
        var (high, low) = source.AddressBits;
        if (!_buckets.TryTake(high, low, now))
        {
            return RelayDropReason.FlowRate;
        }

        if (_count >= maxFlows)
        {
            if (maxFlows <= SmallTable || _unanswered.Count < maxFlows / 2)
            {
                return RelayDropReason.FlowLimit;
            }

            evicted = _unanswered.First!.Value;
            End(evicted);
        }

        var name = codec.NamesFlows ? nameOf(source) : [];
        flow = new ReceiverFlow(TakeId(), source, name, codec.MakeLabel(name), now) { Socket = socket };
        _slots.Set(flow);
        _bySource.Add(KeyOf(source, socket), flow);
        if (codec.NamesFlows)
        {
            _byName[name] = flow;
        }

        flow.Unanswered = _unanswered.AddLast(flow);
        Volatile.Write(ref _count, _count + 1);
        return RelayDropReason.None;
    }

    /// <summary>The service answered: from now on the flow gives way to no other.</summary>
    public void MarkAnswered(ReceiverFlow flow)
    {
        if (!flow.IsAnswered)
        {
            flow.IsAnswered = true;
            GivesWayNoMore(flow);
        }
    }

    /// <summary>Ends a flow.</summary>
    public void End(ReceiverFlow flow)
    {
        _bySource.Remove(KeyOf(flow.Endpoint, flow.Socket));
        _slots.Remove(flow);
        if (codec.NamesFlows)
        {
            _byName.Remove(flow.Host);
        }

        GivesWayNoMore(flow);

        // The longer a slot rests, the later its number comes again.
        _freed.Enqueue(flow.Slot);
        Volatile.Write(ref _count, _count - 1);
    }

    /// <summary>Other bounds hold from now on; flows above them stay until they end.</summary>
    /// <param name="flows">Most flows.</param>
    /// <param name="idle">In milliseconds.</param>
    public void Change(int flows, long idle)
    {
        maxFlows = flows;
        idleTimeout = idle;
        if (flows > _generations.Length)
        {
            Array.Resize(ref _generations, flows);
        }
    }

    /// <summary>Ends what was idle for too long; once a second.</summary>
    /// <param name="now">Milliseconds.</param>
    /// <param name="ended">Takes the flows that ended.</param>
    public void Sweep(long now, List<ReceiverFlow> ended)
    {
        foreach (var flow in _bySource.Values)
        {
            var timeout = flow.IsAnswered ? idleTimeout : Math.Min(idleTimeout, UnansweredTimeout);
            if (now - flow.LastUsed >= timeout)
            {
                ended.Add(flow);
            }
        }

        foreach (var flow in ended)
        {
            End(flow);
        }
    }

    private static ClientKey KeyOf(in Endpoint source, ClientSocket? socket) => new(source, socket?.Number ?? 0);

    private void GivesWayNoMore(ReceiverFlow flow)
    {
        if (flow.Unanswered is { } node)
        {
            _unanswered.Remove(node);
            flow.Unanswered = null;
        }
    }

    private uint TakeId()
    {
        // Fresh slots first, so that a number comes again as late as possible.
        var slot = _nextSlot < maxFlows ? (ushort)_nextSlot++ : _freed.Dequeue();
        var generation = (ushort)(_generations[slot] + 1);
        _generations[slot] = Math.Max(generation, (ushort)1);
        return FlowId.Make(slot, _generations[slot]);
    }
}
