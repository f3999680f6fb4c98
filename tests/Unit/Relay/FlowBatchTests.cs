// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Relay.Flows;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Relay;

public sealed unsafe class FlowBatchTests
{
    [Fact]
    public void Datagrams_come_out_by_flow_and_in_order_within_each() => Randomised.Check(200, random =>
        {
            var batch = new FlowBatch<string>();
            var chains = new BatchChain[6];
            for (var round = 0; round < 3; round++)
            {
                var added = Enumerable
                    .Range(0, random.Next(0, FlowBatch<string>.Capacity + 1))
                    .Select(i => (Flow: random.Next(chains.Length), Length: i))
                    .ToList();
                foreach (var (flow, length) in added)
                {
                    batch.Add(
                        flow.ToString(System.Globalization.CultureInfo.InvariantCulture),
                        ref chains[flow],
                        null,
                        length
                    );
                }

                Assert.Equal(added.Count, batch.Count);
                Assert.Equal(
                    added.GroupBy(a => a.Flow).SelectMany(g => g).Select(a => $"{a.Flow} {a.Length}"),
                    Drain(batch)
                );
                batch.Clear();
                Assert.Empty(Drain(batch));
            }
        });

    private static List<string> Drain(FlowBatch<string> batch)
    {
        var result = new List<string>();
        for (var i = 0; i < batch.Flows.Length; i++)
        {
            ref readonly var entry = ref batch.First(i);
            result.Add($"{batch.Flows[i]} {entry.Length}");
            while (entry.Next != 0)
            {
                entry = ref batch.After(entry);
                result.Add($"{batch.Flows[i]} {entry.Length}");
            }
        }

        return result;
    }
}
