// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Commands;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Live.Top;

/// <summary>What the daemon said so far: a snapshot, and what follows from those before it.</summary>
internal sealed record TopData
{
    // Fewer than of tunnels and relays: there may be 10,000 flows, and beside their numbers is less room.
    private const int FlowSamples = 40;

    /// <summary>Before the first snapshot.</summary>
    public static readonly TopData Empty = new();

    /// <summary>Whether tunnels and relays are known.</summary>
    public bool HasSnapshot => Time != default;

    /// <summary>When the daemon took the snapshot.</summary>
    public DateTimeOffset Time { get; private init; }

    /// <summary>Tunnels and relays.</summary>
    public Inventory Inventory { get; private init; } = new([], []);

    /// <summary>Senders and peers that wait for approval.</summary>
    public IReadOnlyList<Waiting> Pending =>
        [
            .. Senders.Select(sender => new Waiting(sender)),
            .. Inventory.Tunnels.SelectMany(t => t.PendingPeers).Select(peer => new Waiting(null, peer)),
        ];

    /// <summary>Senders that wait for approval.</summary>
    public IReadOnlyList<Sender> Senders { get; private init; } = [];

    /// <summary>Flows of the tunnel or relay that is looked at in detail; of others they are not asked for.</summary>
    public IReadOnlyList<TopFlow> Flows { get; private init; } = [];

    /// <summary>How many flows it has, <see cref="Flows"/> among them.</summary>
    public uint FlowTotal { get; private init; }

    /// <summary>By the name of tunnel or relay, which share one name space.</summary>
    private IReadOnlyDictionary<string, TrafficHistory> Histories { get; init; } =
        new Dictionary<string, TrafficHistory>();

    /// <summary>The rates of a tunnel or relay.</summary>
    public TrafficHistory History(string name) =>
        Histories.TryGetValue(name, out var history) ? history : TrafficHistory.From(default, Time);

    /// <summary>One snapshot later. What is gone is forgotten.</summary>
    public TopData With(Inventory inventory, DateTimeOffset time)
    {
        var histories = new Dictionary<string, TrafficHistory>(inventory.Tunnels.Count + inventory.Relays.Count);
        foreach (var tunnel in inventory.Tunnels)
        {
            Add(tunnel.Name, TrafficTotal.Of(tunnel.Counters));
        }

        foreach (var relay in inventory.Relays)
        {
            Add(relay.Name, TrafficTotal.Of(relay.Counters));
        }

        return this with
        {
            Inventory = inventory,
            Time = time,
            Histories = histories,
        };

        void Add(string name, TrafficTotal total) =>
            histories[name] = Histories.TryGetValue(name, out var before)
                ? before.Add(total, time)
                : TrafficHistory.From(total, time);
    }

    /// <summary>With the senders as they are now.</summary>
    public TopData With(IEnumerable<Sender> senders) =>
        this with
        {
            Senders = [.. senders.Where(s => s.State == SenderState.Pending)],
        };

    /// <summary>With the flows of what is looked at as they are now.</summary>
    public TopData WithFlows(FlowList flows, DateTimeOffset time)
    {
        var before = Flows.ToLookup(f => f.Key, f => f.History);
        return this with
        {
            Flows = [.. flows.OfTunnel.Select(TopFlow.Of), .. flows.OfRelay.Select(Later)],
            FlowTotal = flows.Total,
        };

        TopFlow Later(RelayFlow flow)
        {
            var total = new TrafficTotal(
                flow.BytesToService,
                flow.PacketsToService,
                flow.BytesToClients,
                flow.PacketsToClients
            );
            var seen = TopFlow.Of(flow);
            return seen with
            {
                History = before[seen.Key].FirstOrDefault()?.Add(total, time, FlowSamples)
                    ?? TrafficHistory.From(total, time),
            };
        }
    }

    /// <summary>Nothing is looked at in detail any more, or something else.</summary>
    public TopData WithoutFlows() => this with { Flows = [], FlowTotal = 0 };
}
