// SPDX-License-Identifier: BSD-3-Clause

extern alias daemon;

using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using daemon::UdpTunnel.Crypto;
using daemon::UdpTunnel.WireGuard;
using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Netns.WireGuard;

/// <summary>Who floods, records, or has a key that is another's, against the daemon.</summary>
public sealed class SecureHostileTests
{
    private const string Server4 = "10.99.0.1";
    private const string Client4 = "10.99.0.2";

    // A handshake that needs a cookie begins again after five seconds.
    private static readonly TimeSpan SecondTry = TimeSpan.FromSeconds(12);

    // After 15 seconds without an answer an end finds that its session is not the other's any more.
    private static readonly TimeSpan Noticed = TimeSpan.FromSeconds(30);

    private static readonly IPEndPoint Server = new(IPAddress.Parse("192.0.2.1"), SecureLab.Port);

    [Fact]
    public async Task While_handshakes_of_spoofed_sources_flood_a_tunnel_a_known_peer_gets_through()
    {
        const int Sources = 128;
        await using var lab = await SecureLab.StartAsync();
        await lab.MeetAsync();
        await lab.Client.Control.RunAsync("down", "t");

        // All addresses of the network are the flooding host's, and the server's answers go to it.
        await lab.Client.Namespace.IpAsync("route add local 198.18.0.0/15 dev lo");
        await lab.Server.Namespace.IpAsync("route add 198.18.0.0/15 via 192.0.2.2");
        var initiation = Initiation(lab.ServerKey.Public);
        using var enough = new CancellationTokenSource();
        var answers = 0;
        var flood = Task.Run(
            async () =>
            {
                var sockets = Enumerable.Range(0, Sources).Select(_ => lab.Client.Open(SocketType.Dgram)).ToList();
                for (var i = 0; i < Sources; i++)
                {
                    sockets[i].Bind(new IPEndPoint(IPAddress.Parse($"198.18.{i}.{i + 1}"), 0));
                }

                while (!enough.IsCancellationRequested)
                {
                    foreach (var socket in sockets)
                    {
                        socket.SendTo(initiation, Server);
                        for (; socket.Available > 0; answers++)
                        {
                            // No more than what was sent, so that nobody else is flooded.
                            Assert.Equal(CookieMessage.Size, socket.Receive(new byte[2048]));
                        }
                    }

                    await Task.Delay(40);
                }

                sockets.ForEach(socket => socket.Dispose());
            },
            TestContext.Current.CancellationToken
        );
        await lab.Server.Control.WaitForAsync("t", s => s.Drops("under_load", "in") > 500, "cookies to be asked for");

        await lab.UpAsync(lab.Client, lab.ClientFile());
        var took = await lab.Client.WaitForPingAsync(Server4, SecondTry);
        TestContext.Current.TestOutputHelper?.WriteLine($"through after {took.TotalSeconds:0.0} s");
        Assert.Equal(5, await lab.Client.PingAsync(Server4, count: 5));
        using var pair = await TcpPair.OpenAsync(lab.Client, lab.Server, Server4);
        await Transfer.RunAsync(pair.Dialled, pair.Accepted, 8 << 20);

        await enough.CancelAsync();
        await flood;
        Assert.True(answers > 0, "nobody was asked for a cookie");
    }

    [Fact]
    public async Task Everything_recorded_and_sent_again_is_dropped_and_answered_by_nothing()
    {
        await using var lab = await SecureLab.StartAsync();
        using var recorder = new Recorder(lab.Client, Server);
        await lab.MeetAsync(serverAsPeer: new { Endpoint = $"127.0.0.1:{recorder.Port}" });
        using var pair = await TcpPair.OpenAsync(lab.Client, lab.Server, Server4);
        await TcpPair.SayAsync(pair.Dialled, pair.Accepted);
        await TcpPair.SayAsync(pair.Accepted, pair.Dialled);
        var recorded = recorder.ToServer;
        var initiations = recorded.Count(datagram => datagram[0] == (byte)MessageType.Initiation);
        Assert.NotEqual(0, initiations);
        var endpoint = (await lab.Server.Control.RunAsync("peers", "t")).Json.GetProperty("peers")[0];
        var before = await lab.Server.Control.StatusAsync("t");

        // From an address of its own, twice.
        using var stranger = lab.Client.Open(SocketType.Dgram);
        foreach (var datagram in recorded.Concat(recorded))
        {
            stranger.SendTo(datagram, Server);
        }

        var after = await lab.Server.Control.WaitForAsync(
            "t",
            s => s.AllDrops - before.AllDrops >= 2 * recorded.Count,
            "all of it to be dropped"
        );
        Assert.Equal(2 * recorded.Count, after.AllDrops - before.AllDrops);
        Assert.Equal(before.Counter("packetsIn"), after.Counter("packetsIn"));
        Assert.Equal(
            2 * initiations,
            after.Drops("handshake_replayed", "in") + after.Drops("handshake_unexpected", "in")
        );
        Assert.Equal(0, stranger.Available);
        var same = (await lab.Server.Control.RunAsync("peers", "t")).Json.GetProperty("peers")[0];
        Assert.Equal(endpoint.GetProperty("endpoint").GetString(), same.GetProperty("endpoint").GetString());

        // Nor after a restart, which has forgotten all sessions.
        await lab.Server.Daemon.WaitUntilSavedAsync("t", TunnelFile.Allowed);
        await lab.Server.Daemon.KillAsync();
        await lab.Server.Daemon.StartAsync();
        recorded.ForEach(datagram => stranger.SendTo(datagram, Server));
        await TcpPair.SayAsync(pair.Dialled, pair.Accepted);
        await TcpPair.SayAsync(pair.Accepted, pair.Dialled);
        Assert.Equal(0, stranger.Available);
    }

    [Fact]
    public async Task Two_hosts_with_one_key_take_the_link_from_each_other_and_harm_nobody_else()
    {
        await using var lab = await SecureLab.StartAsync();
        await lab.MeetAsync();
        await using var twin = new Host(await NetworkNamespace.CreateAsync("twin"), "192.0.2.130");
        await lab.Server.Namespace.IpAsync(
            $"link add twin0 type veth peer name {Lab.Link} netns {twin.Namespace.Name}\n"
                + "address add 203.0.113.1/24 dev twin0\nlink set twin0 up"
        );
        await twin.Namespace.IpAsync(
            $"address add 203.0.113.2/24 dev {Lab.Link}\nlink set {Lab.Link} up\nroute add default via 203.0.113.1"
        );
        await twin.Daemon.StartAsync();

        // Another peer, at the same host as the first.
        var other = await lab.NewKeyAsync();
        var peers = new[]
        {
            new { PublicKey = lab.ClientKey.Public, AllowedIPs = new[] { "10.99.0.2/32" } },
            new { PublicKey = other.Public, AllowedIPs = new[] { "10.99.0.3/32" } },
        };
        await lab.UpAsync(lab.Server, lab.ServerFile(new { Peers = peers }), reload: true);
        await lab.UpClientAsync(other, lab.ServerKey.Public, "10.99.0.3", "other", ["10.99.0.1/32"], routes: false);
        await lab.Client.Namespace.IpAsync(
            "route add 10.99.0.1/32 dev other table 100\nrule add from 10.99.0.3 table 100"
        );
        await lab.Server.WaitForPingAsync("10.99.0.3");
        await lab.UpAsync(twin, lab.ClientFile());
        await twin.WaitForPingAsync(Server4, Noticed);
        Assert.Equal(1, await lab.Server.PingAsync("10.99.0.3"));
        await lab.Client.WaitForPingAsync(Server4, Noticed);
        Assert.Equal(1, await lab.Server.PingAsync("10.99.0.3"));

        // One of them leaves, and the other has the link to itself.
        await lab.Client.Control.RunAsync("down", "t");
        await twin.WaitForPingAsync(Server4, Noticed);
        Assert.Equal(5, await twin.PingAsync(Server4, count: 5));
        Assert.Equal(5, await lab.Server.PingAsync(Client4, count: 5));
    }

    /// <summary>
    /// The first message of a handshake as somebody makes it who knows the server's public key and nothing else: mac1
    /// is right, the rest is noise.
    /// </summary>
    private static byte[] Initiation(string serverKey)
    {
        var message = new byte[InitiationMessage.Size];
        Random.Shared.NextBytes(message);
        BinaryPrimitives.WriteUInt32LittleEndian(message, (uint)MessageType.Initiation);
        var mac1 = message.AsSpan(InitiationMessage.Mac1, Blake2s.MacSize);
        using var blake2s = new Blake2s();
        Span<byte> key = stackalloc byte[Blake2s.Size];
        blake2s.Hash("mac1----"u8, Convert.FromBase64String(serverKey), key);
        blake2s.Mac(key, message.AsSpan(0, InitiationMessage.Mac1), default, mac1);
        message.AsSpan(InitiationMessage.Mac1 + Blake2s.MacSize).Clear();
        return message;
    }

    /// <summary>Somebody on the way who passes everything on, and keeps a copy of what goes to the server.</summary>
    private sealed class Recorder : IDisposable
    {
        private readonly List<byte[]> _toServer = [];
        private readonly Socket _front;
        private readonly Socket _back;
        private readonly Task _passing;
        private EndPoint _client = new IPEndPoint(IPAddress.Any, 0);

        public Recorder(Host host, IPEndPoint server)
        {
            _front = host.Open(SocketType.Dgram);
            _front.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            _back = host.Open(SocketType.Dgram);
            _back.Connect(server);
            _passing = Task.WhenAll(Task.Run(PassToServerAsync), Task.Run(PassToClientAsync));
        }

        public int Port => ((IPEndPoint)_front.LocalEndPoint!).Port;

        public List<byte[]> ToServer
        {
            get
            {
                lock (_toServer)
                {
                    return [.. _toServer];
                }
            }
        }

        public void Dispose()
        {
            _front.Dispose();
            _back.Dispose();
            _passing.ContinueWith(_ => { }, TaskScheduler.Default).Wait();
        }

        private async Task PassToServerAsync()
        {
            var buffer = new byte[65_536];
            while (true)
            {
                var received = await _front.ReceiveFromAsync(buffer, _client);
                Volatile.Write(ref _client, received.RemoteEndPoint);
                var datagram = buffer[..received.ReceivedBytes];
                lock (_toServer)
                {
                    _toServer.Add(datagram);
                }

                await _back.SendAsync(datagram);
            }
        }

        private async Task PassToClientAsync()
        {
            var buffer = new byte[65_536];
            while (true)
            {
                var length = await _back.ReceiveAsync(buffer);
                await _front.SendToAsync(buffer.AsMemory(0, length), Volatile.Read(ref _client));
            }
        }
    }
}
