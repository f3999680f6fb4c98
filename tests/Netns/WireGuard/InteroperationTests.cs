// SPDX-License-Identifier: BSD-3-Clause

extern alias daemon;

using System.Globalization;
using daemon::UdpTunnel.WireGuard;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns.WireGuard;

/// <summary>Our end of the WireGuard protocol against wireguard-go, in both roles.</summary>
public sealed class InteroperationTests
{
    private const string Ours = "10.9.0.2";
    private const string OursV6 = "fd09::2";
    private const string Theirs = "10.9.0.1";
    private const string TheirsV6 = "fd09::1";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task We_begin_and_packets_of_all_sizes_go_both_ways_IPv4_and_IPv6(bool hasPresharedKey)
    {
        await using var lab = await Lab.StartAsync(hasPresharedKey);
        await lab.Host.PingAsync(lab.Peer, Ours, Theirs);
        await lab.Host.PingAsync(lab.Peer, OursV6, TheirsV6);
        for (var size = 0; size <= 1420 - 28; size += 87)
        {
            await lab.Host.PingAsync(lab.Peer, Ours, Theirs, size);
        }

        await lab.Host.PingAsync(lab.Peer, Ours, Theirs, 1420 - 28);
        await lab.PingUsAsync(Ours, 20, 1420 - 28);
        await lab.PingUsAsync(OursV6, 20, 1420 - 48);
        Assert.Equal(1, lab.Peer.Counters.HandshakesCompleted);
        Assert.Equal(1, lab.Peer.Counters.InitiationsOut);
        Assert.Equal(0, lab.Peer.Counters.InitiationsIn);
        Assert.All(Enum.GetValues<WireGuardDrop>(), reason => Assert.Equal(0, lab.Peer.Counters.Drops[reason]));
        Assert.InRange(lab.Peer.LastRoundTrip, 0, 10_000);

        // Both have counted the same.
        var transfer = (await lab.Go.ShowAsync("transfer"))[0];
        Assert.Equal(lab.Peer.Counters.BytesOut, long.Parse(transfer[1], CultureInfo.InvariantCulture));
        Assert.Equal(lab.Peer.Counters.BytesIn, long.Parse(transfer[2], CultureInfo.InvariantCulture));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task They_begin_and_packets_go_both_ways(bool hasPresharedKey)
    {
        await using var lab = await Lab.StartAsync(hasPresharedKey);
        await lab.PingUsAsync(Ours, 20, 1000);
        await lab.PingUsAsync(OursV6, 3, 56);
        await lab.Host.PingAsync(lab.Peer, Ours, Theirs, 1000);
        await lab.Host.PingAsync(lab.Peer, OursV6, TheirsV6);
        Assert.Equal(0, lab.Peer.Counters.InitiationsOut);
        Assert.Equal(1, lab.Peer.Counters.InitiationsIn);
        Assert.Equal(1, lab.Peer.Counters.HandshakesCompleted);
    }

    [Fact]
    public async Task A_session_is_renewed_again_and_again()
    {
        await using var lab = await Lab.StartAsync(hasPresharedKey: true);
        await lab.Host.PingAsync(lab.Peer, Ours, Theirs);
        for (var renewals = 1; renewals <= 4; renewals++)
        {
            // After 120 seconds the session still carries the packet that begins the next; after 180 it does not.
            lab.Host.LetPass(TimeSpan.FromSeconds(renewals % 2 == 0 ? 181 : 121));
            await lab.Host.PingAsync(lab.Peer, Ours, Theirs);
            await WaitFor.TrueAsync(
                () => lab.Peer.Counters.HandshakesCompleted == renewals + 1,
                $"handshake {renewals + 1}"
            );
            await lab.PingUsAsync(Ours, 3, 100);
            await lab.Host.PingAsync(lab.Peer, OursV6, TheirsV6);
        }
    }

    [Fact]
    public async Task A_peer_that_moves_is_followed()
    {
        await using var lab = await Lab.StartAsync(hasPresharedKey: false);
        await lab.Host.PingAsync(lab.Peer, Ours, Theirs);
        lab.Host.Move();
        await lab.Host.PingAsync(lab.Peer, Ours, Theirs);
        await lab.PingUsAsync(Ours, 3, 100);
        Assert.Equal(lab.Host.Address.ToString(), (await lab.Go.ShowAsync("endpoints"))[0][1]);
        Assert.Equal(1, lab.Peer.Counters.HandshakesCompleted);

        var port = await lab.Go.PortAsync();
        await lab.Go.SetAsync("listen-port", "0");
        Assert.NotEqual(port, await lab.Go.PortAsync());
        await lab.PingUsAsync(Ours, 3, 100);
        await lab.Host.PingAsync(lab.Peer, Ours, Theirs);
        Assert.Equal(await lab.Go.PortAsync(), lab.Peer.Endpoint.ToIPEndPoint().Port);
    }

    [Fact]
    public async Task While_we_are_under_load_they_come_back_with_the_cookie_that_we_gave_them()
    {
        var alwaysLoad = new HandshakeRates(CheapRate: 0, CheapBurst: 0);
        await using var lab = await Lab.StartAsync(hasPresharedKey: true, alwaysLoad);
        await lab.PingUsAsync(Ours, 1, 56, seconds: 15);
        Assert.Equal(1, lab.Peer.Counters.HandshakesCompleted);
    }

    [Fact]
    public async Task While_they_are_under_load_we_come_back_with_the_cookie_that_they_gave_us()
    {
        await using var lab = await Lab.StartAsync(hasPresharedKey: false);
        var port = await lab.Go.PortAsync();

        // Initiations that are right up to mac1 fill their queue, until one of ours is answered by a cookie.
        var flood = Flood(lab.GoKey);
        for (var tries = 0; tries < 20 && lab.Peer.Counters.CookiesIn == 0; tries++)
        {
            lab.Host.Do(() =>
            {
                for (var i = 0; i < 3_000; i++)
                {
                    lab.Host.SendRaw(flood, port);
                }
            });
            lab.Host.LetPass(TimeSpan.FromSeconds(6));
            lab.Host.Do(() => lab.Host.Engine.BeginHandshake(lab.Peer));
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }

        Assert.True(lab.Peer.Counters.CookiesIn > 0);
        lab.Host.LetPass(TimeSpan.FromSeconds(6));
        await lab.Host.PingAsync(lab.Peer, Ours, Theirs);
    }

    [Fact]
    public async Task They_may_forget_all_sessions_and_the_next_packet_of_theirs_gets_through()
    {
        await using var lab = await Lab.StartAsync(hasPresharedKey: false);
        await lab.Host.PingAsync(lab.Peer, Ours, Theirs);

        await lab.Network.IpAsync($"link set {lab.Go.Device} down\nlink set {lab.Go.Device} up");
        await lab.PingUsAsync(Ours, 1, 56, seconds: 15);
        await lab.Host.PingAsync(lab.Peer, Ours, Theirs);
    }

    /// <summary>An initiation with a right mac1 and nothing else that is right.</summary>
    private static byte[] Flood(string key)
    {
        using var crypto = new HandshakeCrypto();
        var message = new byte[InitiationMessage.Size];
        message[0] = 1;
        new CookieJar(crypto, Convert.FromBase64String(key)).Sign(message, InitiationMessage.Mac1, 0);
        return message;
    }

    /// <summary>Both ends in one namespace, which know each other.</summary>
    private sealed class Lab : IAsyncDisposable
    {
        private Lab(NetworkNamespace network, WireGuardGo go, EngineHost host, Peer peer, string goKey)
        {
            Network = network;
            Go = go;
            Host = host;
            Peer = peer;
            GoKey = goKey;
        }

        public NetworkNamespace Network { get; }

        public WireGuardGo Go { get; }

        public EngineHost Host { get; }

        /// <summary>wireguard-go, as we see it.</summary>
        public Peer Peer { get; }

        public string GoKey { get; }

        public static async Task<Lab> StartAsync(bool hasPresharedKey, HandshakeRates? rates = null)
        {
            Requirements.Check();
            Requirements.Command("wireguard-go", "wireguard-go");
            Requirements.Command("wg", "wireguard-tools");
            var network = await NetworkNamespace.CreateAsync("wg");
            var go = await WireGuardGo.StartAsync(network, $"{Theirs}/24", $"{TheirsV6}/64");
            var host = new EngineHost(network, rates);
            var presharedKey = new byte[32];
            presharedKey.AsSpan().Fill((byte)(hasPresharedKey ? 7 : 0));
            var key = await go.PublicKeyAsync();
            var peer = host.Add(key, await go.PortAsync(), presharedKey, [$"{Theirs}/32", $"{TheirsV6}/128"]);
            await go.SetAsync(
                "peer",
                host.Key,
                "preshared-key",
                go.FileWith(Convert.ToBase64String(presharedKey)),
                "allowed-ips",
                $"{Ours}/32,{OursV6}/128",
                "endpoint",
                host.Address.ToString()
            );
            return new Lab(network, go, host, peer, key);
        }

        /// <summary>Pings us from their device.</summary>
        public async Task PingUsAsync(string address, int count, int size, int seconds = 10)
        {
            var result = await Network.TryAsync(
                "ping",
                "-q",
                "-c",
                $"{count}",
                "-i",
                "0.05",
                "-s",
                $"{size}",
                "-W",
                $"{seconds}",
                address
            );
            Assert.True(result.ExitCode == 0, result.ToString());
            Assert.Contains($"{count} received", result.Output, StringComparison.Ordinal);
        }

        public async ValueTask DisposeAsync()
        {
            Host.Dispose();
            Go.Dispose();
            await Network.DisposeAsync();
        }
    }
}
