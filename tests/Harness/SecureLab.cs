// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace UdpTunnel.Tests.Harness;

/// <summary>Two hosts with a daemon each, and files of secure tunnels.</summary>
internal sealed class SecureLab : IAsyncDisposable
{
    /// <summary>Port of the server.</summary>
    public const int Port = 8000;

    private static readonly string[] OfClient = ["10.99.0.2/32", "fd99::2/128"];

    private readonly Lab _lab;
    private readonly TemporaryDirectory _files = new();

    private SecureLab(Lab lab) => _lab = lab;

    public Host Server => _lab.Server;

    public Host Client => _lab.Client;

    /// <summary>Between them, where there is one.</summary>
    public NetworkNamespace Router => _lab.Router;

    /// <summary>Makes the hosts and starts their daemons.</summary>
    /// <param name="isBehindNat">Whether there is a router between them.</param>
    /// <param name="prepare">What is to be done before the daemons start.</param>
    public static async Task<SecureLab> StartAsync(bool isBehindNat = false, Func<Lab, Task>? prepare = null)
    {
        Requirements.Command("wireguard-go", "wireguard-go");
        Requirements.Command("wg", "wireguard-tools");
        var lab = isBehindNat ? await Lab.BehindNatAsync() : await Lab.TwoHostsAsync();
        await (prepare?.Invoke(lab) ?? Task.CompletedTask);
        await Task.WhenAll(lab.Server.Daemon.StartAsync(), lab.Client.Daemon.StartAsync());
        return new SecureLab(lab);
    }

    /// <summary>Brings up a tunnel between the two, which know each other.</summary>
    /// <param name="both">What is different at both ends, or more, as fields of a file.</param>
    /// <param name="server">The same of the server.</param>
    /// <param name="client">The same of the client.</param>
    /// <param name="serverAsPeer">The same of the peer that the server is to the client.</param>
    /// <param name="waits">Whether to wait until it carries pings.</param>
    public async Task MeetAsync(
        object? both = null,
        object? server = null,
        object? client = null,
        object? serverAsPeer = null,
        bool waits = true
    )
    {
        ServerKey = await NewKeyAsync();
        ClientKey = await NewKeyAsync();
        await UpAsync(Server, ServerFile(both, server));
        await UpAsync(Client, ClientFile(both, client, serverAsPeer));
        if (waits)
        {
            await Client.WaitForPingAsync("10.99.0.1");
        }
    }

    /// <summary>The server's keys, after <see cref="MeetAsync"/>.</summary>
    public (string Private, string Public) ServerKey { get; private set; }

    /// <summary>The client's keys, after <see cref="MeetAsync"/>.</summary>
    public (string Private, string Public) ClientKey { get; private set; }

    /// <summary>Gives both ends new keys while the tunnel runs.</summary>
    public async Task ChangeKeysAsync()
    {
        ServerKey = await NewKeyAsync();
        ClientKey = await NewKeyAsync();
        await UpAsync(Server, ServerFile(), reload: true);
        await UpAsync(Client, ClientFile(), reload: true);
    }

    /// <summary>A server's file, with further fields or others.</summary>
    public JsonObject ServerFile(params object?[] changes) =>
        With(
            new
            {
                TunnelAddress = new[] { "10.99.0.1/24", "fd99::1/64" },
                NetworkAddress = $":{Port}",
                PrivateKey = ServerKey.Private,
                Peers = new[] { new { PublicKey = ClientKey.Public, AllowedIPs = OfClient } },
            },
            changes
        );

    /// <summary>A client's file, with further fields or others.</summary>
    public JsonObject ClientFile(object? both = null, object? client = null, object? serverAsPeer = null)
    {
        var peer = new
        {
            PublicKey = ServerKey.Public,
            AllowedIPs = new[] { "10.99.0.0/24", "fd99::/64" },
            Endpoint = $"192.0.2.1:{Port}",
        };
        return With(
            new
            {
                TunnelAddress = new[] { "10.99.0.2/24", "fd99::2/64" },
                TunnelDevice = "tun0",
                PrivateKey = ClientKey.Private,
                Peers = new[] { With(peer, serverAsPeer) },
            },
            both,
            client
        );
    }

    public async Task<(string Private, string Public)> NewKeyAsync()
    {
        var key = (await Client.Namespace.RunAsync("wg", "genkey")).Trim();
        var path = _files[$"{Guid.NewGuid():N}"];
        await File.WriteAllTextAsync(path, key);
        return (key, (await Client.Namespace.RunAsync("sh", "-c", $"wg pubkey < {path}")).Trim());
    }

    public async Task<string> NewPresharedKeyAsync() => (await Client.Namespace.RunAsync("wg", "genpsk")).Trim();

    public static string AnyPublicKey()
    {
        var bytes = new byte[32];
        Random.Shared.NextBytes(bytes);
        bytes[31] &= 0x7F;
        return Convert.ToBase64String(bytes);
    }

    public Task UpServerAsync((string, string) key, params (string Key, string V4, string V6)[] peers) =>
        UpServerAsync(key, peers, reload: false);

    public Task UpServerAsync((string Private, string) key, (string Key, string V4, string V6)[] peers, bool reload) =>
        UpAsync(
            Server,
            new
            {
                TunnelAddress = new[] { "10.99.0.1/24", "fd99::1/64" },
                NetworkAddress = $":{Port}",
                PrivateKey = key.Private,
                Peers = peers.Select(peer => new { PublicKey = peer.Key, AllowedIPs = new[] { peer.V4, peer.V6 } }),
            },
            reload: reload
        );

    public Task UpClientAsync((string Private, string) key, string server, params string[] networks) =>
        UpAsync(
            Client,
            new
            {
                TunnelAddress = new[] { "10.99.0.2/24", "fd99::2/64" },
                TunnelDevice = "tun0",
                PrivateKey = key.Private,
                Peers = new[]
                {
                    new
                    {
                        PublicKey = server,
                        AllowedIPs = networks,
                        Endpoint = $"192.0.2.1:{Port}",
                    },
                },
            }
        );

    public Task UpClientAsync(
        (string Private, string) key,
        string server,
        string address,
        string name,
        string[] networks,
        bool routes
    ) =>
        UpAsync(
            Client,
            new
            {
                Name = name,
                TunnelDevice = name,
                TunnelAddress = $"{address}/32",
                PrivateKey = key.Private,
                Routes = routes ? "auto" : "off",
                Peers = new[]
                {
                    new
                    {
                        PublicKey = server,
                        AllowedIPs = networks,
                        Endpoint = $"192.0.2.1:{Port}",
                        PersistentKeepalive = 5,
                    },
                },
            },
            name
        );

    public async Task UpAsync(Host host, object fields, string name = "t", bool reload = false)
    {
        var json = JsonSerializer.SerializeToNode(fields)!.AsObject();
        json["Protocol"] = "wireguard";
        json["AllowedPorts"] ??= JsonSerializer.SerializeToNode(new[] { TunnelFile.Allowed, TunnelFile.AlsoAllowed });
        foreach (var empty in json.Where(field => field.Value is null).Select(field => field.Key).ToList())
        {
            json.Remove(empty);
        }

        foreach (var peer in json["Peers"]!.AsArray())
        {
            if (peer!["Endpoint"] is null)
            {
                peer.AsObject().Remove("Endpoint");
            }
        }

        var path = _files[string.Create(CultureInfo.InvariantCulture, $"{name}.json")];
        await File.WriteAllTextAsync(path, json.ToJsonString());
        await host.Control.RunAsync(reload ? ["reload", name, path] : ["up", path]);
    }

    public static async Task Ping6Async(Host host, string target, int size = 56)
    {
        string[] ping = ["ping", "-6", "-c", "1", "-W", "4", "-M", "do", "-s", $"{size}", target];
        var result = await host.Namespace.TryAsync(ping);
        Assert.True(result.ExitCode == 0, result.Output);
    }

    /// <summary>Datagrams of many sizes go to the other host and come back.</summary>
    public static async Task EchoUdpAsync(Host from, Host to, string address)
    {
        var endpoint = new System.Net.IPEndPoint(System.Net.IPAddress.Parse(address), TunnelFile.Allowed);
        using var there = to.Open(System.Net.Sockets.SocketType.Dgram, endpoint.AddressFamily);
        there.Bind(endpoint);
        using var here = from.Open(System.Net.Sockets.SocketType.Dgram, endpoint.AddressFamily);
        await here.ConnectAsync(endpoint);
        using var patience = new CancellationTokenSource(WaitFor.Patience);
        var buffer = new byte[4096];
        foreach (var size in (int[])[0, 1, 15, 16, 17, 700, 1372, 1392, 3000])
        {
            var sent = new byte[size];
            Random.Shared.NextBytes(sent);
            await here.SendAsync(sent, patience.Token);
            var received = await there.ReceiveFromAsync(buffer, endpoint, patience.Token);
            Assert.Equal(sent, buffer[..received.ReceivedBytes]);
            await there.SendToAsync(sent, received.RemoteEndPoint, patience.Token);
            Assert.Equal(size, await here.ReceiveAsync(buffer, patience.Token));
            Assert.Equal(sent, buffer[..size]);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _files.Dispose();
        await _lab.DisposeAsync();
    }

    private static JsonObject With(object fields, params object?[] changes)
    {
        var json = JsonSerializer.SerializeToNode(fields)!.AsObject();
        foreach (var change in changes.OfType<object>().Select(c => JsonSerializer.SerializeToNode(c)!.AsObject()))
        {
            foreach (var (name, value) in change)
            {
                json[name] = value?.DeepClone();
            }
        }

        return json;
    }
}
