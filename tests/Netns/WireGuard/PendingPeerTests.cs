// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Json;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns.WireGuard;

/// <summary>Debian's wireguard-go, which nobody knows, at a tunnel that asks a person.</summary>
public sealed class PendingPeerTests
{
    private const int Port = 8000;
    private const string Ask = "ask";

    // The first initiation is answered by a cookie, the second one comes after five seconds.
    private static readonly TimeSpan TwoTries = TimeSpan.FromSeconds(15);

    [Fact]
    public async Task A_stranger_waits_is_approved_under_a_name_and_packets_flow_also_after_a_restart()
    {
        await using var lab = await StrangerLab.StartAsync(Ask);
        using var go = await lab.KnockAsync("10.99.0.7/24");
        var key = await go.PublicKeyAsync();
        var control = lab.Server.Control;
        var waiting = await lab.WaitForPendingAsync(key);

        Assert.Equal("10.99.0.7", waiting.GetProperty("usedAddresses")[0].GetString());
        Assert.True(await lab.Server.IsSilentAsync("10.99.0.7"));
        Assert.Equal("peer_pending", (await control.WaitForEventAsync("peer_pending")).Kind);

        var approved = await control.RunAsync("approve", key[..6], "--name", "laptop");
        Assert.Equal("10.99.0.7/32", approved.Json.GetProperty("peers")[0].GetProperty("allowedIPs")[0].GetString());
        await lab.Server.WaitForPingAsync("10.99.0.7", TwoTries);

        // Of two who decide, one is told that it is done.
        var late = await control.TryAsync("approve", key, "--tunnel", "t");
        Assert.Equal(1, late.ExitCode);
        Assert.Contains("is a peer of t already", late.ToString(), StringComparison.Ordinal);
        Assert.Contains("laptop", (await control.RunAsync("config", "t")).ToString(), StringComparison.Ordinal);

        await lab.Server.Daemon.TerminateAsync();
        await lab.Server.Daemon.StartAsync();
        await lab.Server.WaitForPingAsync("10.99.0.7", TwoTries);

        await control.RunAsync("revoke", "laptop");
        Assert.True(await lab.Server.IsSilentAsync("10.99.0.7"));
        Assert.Empty((await control.RunAsync("peers")).Json.GetProperty("peers").EnumerateArray());
    }

    [Fact]
    public async Task Who_is_denied_is_gone_and_does_not_come_back_by_itself()
    {
        await using var lab = await StrangerLab.StartAsync(Ask);
        using var go = await lab.KnockAsync("10.99.0.7/24");
        var key = await go.PublicKeyAsync();
        await lab.WaitForPendingAsync(key);

        await lab.Server.Control.RunAsync("deny", key);

        await Task.Delay(TimeSpan.FromSeconds(8), TestContext.Current.CancellationToken);
        Assert.Empty((await lab.Server.Control.RunAsync("peers")).Json.GetProperty("peers").EnumerateArray());
    }

    [Fact]
    public async Task A_tunnel_that_ignores_strangers_does_not_answer_them()
    {
        await using var lab = await StrangerLab.StartAsync("ignore");
        using var go = await lab.KnockAsync("10.99.0.7/24");

        await Task.Delay(TimeSpan.FromSeconds(8), TestContext.Current.CancellationToken);

        Assert.Equal("0", (await go.ShowAsync("transfer"))[0][1]);
        Assert.Empty((await lab.Server.Control.RunAsync("peers")).Json.GetProperty("peers").EnumerateArray());
    }

    private sealed class StrangerLab(Lab lab) : IAsyncDisposable
    {
        private readonly TemporaryDirectory _files = new();

        public Host Server => lab.Server;

        public static async Task<StrangerLab> StartAsync(string strangers)
        {
            Requirements.Command("wireguard-go", "wireguard-go");
            Requirements.Command("wg", "wireguard-tools");
            var result = new StrangerLab(await Lab.TwoHostsAsync());
            await result.Server.Daemon.StartAsync();
            var path = result._files["t.json"];
            await File.WriteAllTextAsync(
                path,
                $$"""
                {
                    "Protocol": "wireguard", "TunnelAddress": "10.99.0.1/24", "NetworkAddress": ":{{Port}}",
                    "AllowedPorts": "all", "UnknownPeers": "{{strangers}}",
                }
                """
            );
            await result.Server.Control.RunAsync("up", path);
            return result;
        }

        /// <summary>
        /// Starts wireguard-go at the other host, which sends something to the tunnel again and again.
        /// </summary>
        public async Task<WireGuardGo> KnockAsync(string address)
        {
            var status = await Server.Control.RunAsync("status", "t");
            var key = status.Json.GetProperty("tunnels")[0].GetProperty("publicKey").GetString()!;
            var go = await WireGuardGo.StartAsync(lab.Client.Namespace, address);
            await go.SetAsync(
                "peer",
                key,
                "endpoint",
                $"192.0.2.1:{Port}",
                "allowed-ips",
                "10.99.0.0/24",
                "persistent-keepalive",
                "1"
            );
            await lab.Client.Namespace.TryAsync("ping", "-c", "1", "-W", "1", "10.99.0.1");
            return go;
        }

        public Task<JsonElement> WaitForPendingAsync(string key) =>
            WaitFor.AnswerAsync(
                async () =>
                {
                    await lab.Client.Namespace.TryAsync("ping", "-c", "1", "-W", "1", "10.99.0.1");
                    var peers = (await Server.Control.RunAsync("peers")).Json.GetProperty("peers");
                    return peers.EnumerateArray().FirstOrDefault(p => p.GetProperty("publicKey").GetString() == key);
                },
                peer =>
                    peer.ValueKind == JsonValueKind.Object
                    && peer.GetProperty("state").GetString() == "pending"
                    && peer.GetProperty("usedAddresses").GetArrayLength() > 0,
                "the stranger that waits",
                TwoTries
            );

        public async ValueTask DisposeAsync()
        {
            await lab.DisposeAsync();
            _files.Dispose();
        }
    }
}
