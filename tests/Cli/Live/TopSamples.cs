// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf.WellKnownTypes;
using UdpTunnel.Cli.Commands;
using UdpTunnel.Cli.Live.Top;
using UdpTunnel.Tests.Cli.Relays;

namespace UdpTunnel.Tests.Cli.Live;

/// <summary>States of <c>top</c>.</summary>
internal static class TopSamples
{
    /// <summary>A tunnel, a relay at which a sender waits, and three looks at them.</summary>
    public static TopState State()
    {
        var data = TopData.Empty.With([RelaySamples.Sender()]);
        for (var second = -2; second <= 0; second++)
        {
            var tunnel = Samples.Server();
            tunnel.Counters.BytesOut += (ulong)(1_000_000 * (second + 2));
            data = data.With(new Inventory([tunnel], [RelaySamples.WaitingReceiver()]), Samples.Now.AddSeconds(second));
        }

        return new TopState { Live = data };
    }

    /// <summary>A state with so many tunnels, named <c>t00</c> and on.</summary>
    public static TopState WithTunnels(int count)
    {
        var tunnels = Enumerable
            .Range(0, count)
            .Select(i =>
            {
                var tunnel = Samples.Server();
                tunnel.Name = $"t{i:00}";
                tunnel.Counters.Drops[0].Packets = (ulong)i;
                tunnel.Peer.LastHeard = Timestamp.FromDateTimeOffset(Samples.Now.AddSeconds(-i));
                return tunnel;
            });
        return new TopState { Live = TopData.Empty.With(new Inventory([.. tunnels], []), Samples.Now) };
    }

    /// <summary>Any state that a daemon, however broken, and any keys could bring about.</summary>
    public static TopState Any(int seed)
    {
        var random = new Random(seed);
        var state = new TopState();
        for (var look = random.Next(4); look >= 0; look--)
        {
            var inventory = new Inventory(
                [.. Enumerable.Range(0, random.Next(30)).Select(i => Samples.Any(seed + i))],
                [.. Enumerable.Range(0, random.Next(5)).Select(_ => RelaySamples.Any(random))]
            );
            state = state with
            {
                Live = state
                    .Live.With(inventory, Samples.Now.AddSeconds(random.Next(-5, 5)))
                    .With([.. Enumerable.Range(0, random.Next(4)).Select(_ => RelaySamples.AnySender(random))])
                    .WithFlows(AnyFlows(random), Samples.Now.AddSeconds(random.Next(-5, 5))),
            };
            for (var key = random.Next(10); key > 0; key--)
            {
                state = TopKeys.Press(state, TopKeysTests.Any(random)).State;
            }
        }

        return state;
    }

    /// <summary>Flows of either kind.</summary>
    private static FlowList AnyFlows(Random random) =>
        random.Next(2) == 0
            ? new FlowList(
                [],
                [.. Enumerable.Range(0, random.Next(3)).Select(_ => RelaySamples.AnyFlow(random))],
                (uint)random.Next()
            )
            : new FlowList(
                [.. Enumerable.Range(0, random.Next(3)).Select(_ => Samples.AnyFlow(random))],
                [],
                (uint)random.Next()
            );
}
