// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns.Relay;

/// <summary>Datagrams from addresses whose owners know nothing of them.</summary>
public sealed class SpoofedSourceTests
{
    private const int MaxFlows = 400;
    private const string SourcesVariable = "UDPTUNNEL_SOURCES";
    private const int FewSources = 3000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    // 100,000 take half a minute.
    private static readonly int Sources = int.TryParse(
        Environment.GetEnvironmentVariable(SourcesVariable),
        out var sources
    )
        ? sources
        : FewSources;

    [Fact]
    public async Task Sources_that_nobody_answers_keep_no_real_client_out_and_push_none_out()
    {
        await using var relay = await RelayLab.CreateAsync();
        using var echo = new EchoService(relay.Inside.Open(SocketType.Dgram), RelayLab.ServicePort, answers: d =>
            d[0] != 0
        );
        await relay.StartApprovedAsync("tls", "--max-flows", $"{MaxFlows}");
        using var old = relay.OpenClient();
        Assert.True(await RelayLab.EchoesAsync(old, [1], Patience));
        var opened = await FlowsOpenedAsync(relay);

        // Each from another address, so that no limit of one address holds them up.
        for (var i = 0; i < Sources; i++)
        {
            using var spoofed = relay.OpenClient(IPAddress.Parse($"127.{1 + (i >> 16)}.{(i >> 8) & 0xFF}.{i & 0xFF}"));
            await spoofed.SendAsync(new byte[] { 0 });
        }

        await WaitFor.TrueAsync(
            async () => await FlowsOpenedAsync(relay) >= opened + (Sources / 2),
            "flows of the spoofed sources"
        );
        using var late = relay.OpenClient();
        Assert.True(await RelayLab.EchoesAsync(late, [2], Patience));
        Assert.True(await RelayLab.EchoesAsync(old, [3], Patience));
        var status = await RelayLab.StatusAsync(relay.Outside, RelayLab.Receiver);
        Assert.InRange(status.GetProperty("counters").GetProperty("flows").GetInt32(), 2, MaxFlows);
        Assert.True(RelayLab.Drops(status, "flow_limit") > Sources / 4, status.ToString());
        Assert.Equal(0, RelayLab.Drops(status, "flow_rate"));

        // While the table is nearly full they end early, at the sender too.
        await WaitFor.AnswerAsync(
            () => RelayLab.StatusAsync(relay.Inside, RelayLab.Sender),
            s => s.GetProperty("counters").GetProperty("flows").GetInt32() <= MaxFlows * 7 / 8,
            "sockets of the spoofed sources to be closed"
        );
    }

    [Fact]
    public async Task One_address_begins_only_so_many_flows_at_once()
    {
        await using var relay = await RelayLab.CreateAsync();
        using var echo = relay.StartEcho();
        await relay.StartApprovedAsync();

        // Opened before, for 1,000 flows a second are allowed.
        var clients = Enumerable.Range(0, 4000).Select(_ => relay.OpenClient()).ToList();
        clients.ForEach(c => c.Send([1]));
        clients.ForEach(c => c.Dispose());

        await WaitFor.AnswerAsync(
            () => RelayLab.StatusAsync(relay.Outside, RelayLab.Receiver),
            s => RelayLab.Drops(s, "flow_rate") > 0,
            "flows that are refused"
        );
        using var other = relay.OpenClient(IPAddress.Loopback);
        Assert.True(await RelayLab.EchoesAsync(other, [2], Patience));
    }

    private static async Task<long> FlowsOpenedAsync(RelayLab relay) =>
        (await RelayLab.StatusAsync(relay.Outside, RelayLab.Receiver))
            .GetProperty("counters")
            .GetProperty("flowsOpened")
            .GetInt64();
}
