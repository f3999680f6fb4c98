// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Netns.Relay;

/// <summary>A person decides who may be a sender, and nothing flows before.</summary>
public sealed class ApprovalTests
{
    private static readonly byte[] Datagram = "are you there?"u8.ToArray();
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(1);

    [Theory]
    [InlineData("tls")]
    [InlineData("classic")]
    public async Task Nothing_flows_before_the_approval_and_everything_after_it(string protocol)
    {
        await using var relay = await RelayLab.CreateAsync();
        using var echo = relay.StartEcho();
        await relay.StartDaemonsAsync();
        await relay.StartReceiverAsync(protocol);
        await relay.StartSenderAsync(protocol);
        await relay.WaitForSenderAsync("pending");
        using var client = relay.OpenClient();

        Assert.False(await RelayLab.EchoesAsync(client, Datagram, Short));
        Assert.Equal(0, echo.Received);
        Assert.True(RelayLab.Drops(await RelayLab.StatusAsync(relay.Outside, RelayLab.Receiver), "not_approved") > 0);

        await relay.ApproveAsync();

        Assert.True(await RelayLab.EchoesAsync(client, Datagram, Long));
        Assert.True(await RelayLab.EchoesAsync(client, [], Long), "an empty datagram");
        var largest = new byte[65_507];
        Random.Shared.NextBytes(largest);
        Assert.True(await RelayLab.EchoesAsync(client, largest, Long), "the largest datagram");
        await RelayLab.WaitForStateAsync(relay.Outside, RelayLab.Receiver, "running");
        await RelayLab.WaitForStateAsync(relay.Inside, RelayLab.Sender, "running");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_remembered_sender_needs_no_person_whichever_daemon_restarts(bool receiver)
    {
        await using var relay = await RelayLab.CreateAsync();
        using var echo = relay.StartEcho();
        await relay.StartApprovedAsync();
        using var client = relay.OpenClient();
        Assert.True(await RelayLab.EchoesAsync(client, Datagram, Long));

        var daemon = receiver ? relay.Outside.Daemon : relay.Inside.Daemon;
        await daemon.KillAsync();
        await daemon.StartAsync();

        Assert.True(await RelayLab.EchoesAsync(client, Datagram, Long));
        Assert.Equal("connected", Assert.Single(await relay.SendersAsync()).GetProperty("state").GetString());
    }

    [Fact]
    public async Task An_approval_for_once_is_over_with_the_connection()
    {
        await using var relay = await RelayLab.CreateAsync();
        await relay.StartDaemonsAsync();
        await relay.StartReceiverAsync();
        await relay.StartSenderAsync();
        await relay.ApproveAsync("--once");
        await relay.WaitForSenderAsync("connected");

        await relay.Inside.Daemon.KillAsync();
        await relay.Inside.Daemon.StartAsync();

        await relay.WaitForSenderAsync("pending");
    }

    [Fact]
    public async Task A_revoked_sender_is_cut_off_at_once_and_told_so()
    {
        await using var relay = await RelayLab.CreateAsync();
        using var echo = relay.StartEcho();
        await relay.StartApprovedAsync();
        using var client = relay.OpenClient();
        Assert.True(await RelayLab.EchoesAsync(client, Datagram, Long));
        var key = (await relay.WaitForSenderAsync("connected")).GetProperty("fingerprint").GetString()!;

        await relay.Outside.Control.RunAsync("revoke", key["SHA256:".Length..][..12]);

        Assert.False(await RelayLab.EchoesAsync(client, Datagram, Short));
        var refused = await RelayLab.WaitForStateAsync(relay.Inside, RelayLab.Sender, "refused");
        Assert.Contains("revoked", refused.GetProperty("problem").GetString(), StringComparison.Ordinal);
        Assert.Empty(await relay.SendersAsync());
    }

    [Fact]
    public async Task A_denied_sender_is_told_so_and_nobody_else_can_be_named_in_its_place()
    {
        await using var relay = await RelayLab.CreateAsync();
        await relay.StartDaemonsAsync();
        await relay.StartReceiverAsync();
        await relay.StartSenderAsync();
        var key = (await relay.WaitForSenderAsync("pending")).GetProperty("fingerprint").GetString()!;

        await relay.Outside.Control.RunAsync("deny", key);

        var refused = await RelayLab.WaitForStateAsync(relay.Inside, RelayLab.Sender, "refused");
        Assert.Contains("denied", refused.GetProperty("problem").GetString(), StringComparison.Ordinal);
        var late = await relay.Outside.Control.TryAsync("approve", key);
        Assert.Equal((5, "no_such_sender"), (late.ExitCode, late.Reason));
    }

    [Fact]
    public async Task A_receiver_with_another_key_is_refused_until_somebody_accepts_it()
    {
        await using var relay = await RelayLab.CreateAsync();
        await relay.StartApprovedAsync();
        var old = (await RelayLab.WaitForStateAsync(relay.Inside, RelayLab.Sender, "running"))
            .GetProperty("peerFingerprint")
            .GetString()!;
        await relay.Outside.Daemon.TerminateAsync();
        Directory.Delete(relay.Outside.Daemon.StateDirectory, recursive: true);
        await relay.Outside.Daemon.StartAsync();
        await relay.StartReceiverAsync();
        var own = (await RelayLab.StatusAsync(relay.Outside, RelayLab.Receiver))
            .GetProperty("ownFingerprint")
            .GetString()!;

        var refused = await RelayLab.WaitForStateAsync(relay.Inside, RelayLab.Sender, "refused");
        var problem = refused.GetProperty("problem").GetString()!;
        Assert.Contains(old, problem, StringComparison.Ordinal);
        Assert.Contains($"udptunnelctl relay accept-key {RelayLab.Sender} {own}", problem, StringComparison.Ordinal);
        await relay.Inside.Control.RunAsync("relay", "accept-key", RelayLab.Sender, own);

        await relay.WaitForSenderAsync("pending");
    }
}
