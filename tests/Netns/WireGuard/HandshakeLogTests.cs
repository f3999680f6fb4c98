// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns.WireGuard;

/// <summary>What the debug log tells of a tunnel that does not come up.</summary>
public sealed class HandshakeLogTests
{
    [Fact]
    public async Task Both_ends_tell_what_became_of_a_handshake_and_no_key()
    {
        await using var lab = await SecureLab.StartAsync();
        await lab.Server.Control.RunAsync("log", "debug");
        await lab.Client.Control.RunAsync("log", "debug", "--for", "1h");

        await lab.MeetAsync();

        await ContainsAsync(lab.Client, "handshake: one is begun with the peer ");
        await ContainsAsync(lab.Server, "handshake: the one that the peer ");
        await ContainsAsync(lab.Client, " has completed one");
        await ContainsAsync(lab.Client, "path MTU: ");

        // The server takes another key, which the client does not know.
        var key = await lab.NewKeyAsync();
        await lab.UpAsync(lab.Server, lab.ServerFile(new { PrivateKey = key.Private }), reload: true);
        _ = await lab.Client.PingAsync("10.99.0.1");
        await ContainsAsync(lab.Client, "is dropped: UnknownPeer");
        foreach (var host in new[] { lab.Server, lab.Client })
        {
            Assert.DoesNotContain(key.Private, host.Daemon.Log, StringComparison.Ordinal);
            Assert.DoesNotContain(lab.ServerKey.Private, host.Daemon.Log, StringComparison.Ordinal);
            Assert.DoesNotContain(lab.ClientKey.Private, host.Daemon.Log, StringComparison.Ordinal);
        }
    }

    private static Task ContainsAsync(Host host, string text) =>
        WaitFor.TrueAsync(() => host.Daemon.Log.Contains(text, StringComparison.Ordinal), $"the log to have '{text}'");
}
