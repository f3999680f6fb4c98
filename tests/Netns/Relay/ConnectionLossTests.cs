// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns.Relay;

/// <summary>What becomes of a relay whose TCP connection, or one of whose ends, goes away.</summary>
public sealed class ConnectionLossTests
{
    private static readonly byte[] Datagram = "still there?"u8.ToArray();
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_connection_that_is_reset_is_made_again_without_a_person()
    {
        await using var relay = await RelayLab.CreateAsync();
        using var echo = relay.StartEcho();
        await relay.StartApprovedAsync();
        using var client = relay.OpenClient();
        Assert.True(await RelayLab.EchoesAsync(client, Datagram, Patience));

        await relay.ResetAsync();
        await RelayLab.EchoesAsync(client, Datagram, TimeSpan.FromMilliseconds(300));
        var lost = await RelayLab.WaitForStateAsync(relay.Inside, RelayLab.Sender, "connecting");
        await relay.MendAsync();

        Assert.True(await RelayLab.EchoesAsync(client, Datagram, Patience));
        Assert.NotEqual("", lost.GetProperty("problem").GetString());
        var now = await RelayLab.StatusAsync(relay.Inside, RelayLab.Sender);
        Assert.True(now.GetProperty("counters").GetProperty("connections").GetInt64() >= 2, now.ToString());
    }

    [Fact]
    public async Task A_live_flow_goes_on_within_6_seconds_when_the_sender_s_host_gets_another_address()
    {
        await using var relay = await RelayLab.CreateAsync();
        using var echo = relay.StartEcho();
        await relay.StartApprovedAsync();
        using var client = relay.OpenClient();
        Assert.True(await RelayLab.EchoesAsync(client, Datagram, Patience));

        // Seen once a second, and every two the addresses are asked for: they have to be known before.
        await Task.Delay(TimeSpan.FromSeconds(3), TestContext.Current.CancellationToken);
        await relay.Inside.Namespace.IpAsync(
            $"addr del {relay.Inside.Address}/24 dev {Lab.Link}\naddr add 192.0.2.66/24 dev {Lab.Link}\n"
        );

        Assert.True(await RelayLab.EchoesAsync(client, Datagram, TimeSpan.FromSeconds(6)));
        var sender = await relay.WaitForSenderAsync("connected");
        Assert.StartsWith("192.0.2.66:", sender.GetProperty("address").GetString(), StringComparison.Ordinal);
        await relay.Inside.Control.WaitForEventAsync("relay_disconnected");
    }

    [Theory]
    [InlineData("tls")]
    [InlineData("classic")]
    public async Task A_path_that_swallows_everything_is_noticed_at_both_ends_within_15_seconds(string protocol)
    {
        await using var relay = await RelayLab.CreateAsync();
        using var echo = relay.StartEcho();
        await relay.StartApprovedAsync(protocol);
        using var client = relay.OpenClient();
        Assert.True(await RelayLab.EchoesAsync(client, Datagram, Patience));

        await relay.SwallowAsync();
        var cut = DateTimeOffset.UtcNow;

        var noticed = await Task.WhenAll(
            relay.Inside.Control.WaitForEventAsync("relay_disconnected", Patience),
            relay.Outside.Control.WaitForEventAsync("sender_gone", Patience)
        );
        Assert.All(noticed, e => Assert.InRange(e.Time - cut, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(15)));
        await RelayLab.WaitForStateAsync(relay.Inside, RelayLab.Sender, "connecting");
        await RelayLab.WaitForStateAsync(relay.Outside, RelayLab.Receiver, "waiting");
        await relay.MendAsync();
        if (protocol == "classic")
        {
            await relay.ApproveAsync();
        }

        Assert.True(await RelayLab.EchoesAsync(client, Datagram, Patience));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Both_daemons_may_start_again_in_either_order(bool receiverFirst)
    {
        await using var relay = await RelayLab.CreateAsync();
        using var echo = relay.StartEcho();
        await relay.StartApprovedAsync();
        using var client = relay.OpenClient();
        Assert.True(await RelayLab.EchoesAsync(client, Datagram, Patience));
        Host[] order = receiverFirst ? [relay.Outside, relay.Inside] : [relay.Inside, relay.Outside];

        await order[0].Daemon.KillAsync();
        await order[1].Daemon.KillAsync();
        await order[0].Daemon.StartAsync();
        await Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
        await order[1].Daemon.StartAsync();

        Assert.True(await RelayLab.EchoesAsync(client, Datagram, Patience));
    }
}
