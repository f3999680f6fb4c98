// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;

namespace UdpTunnel.Tests.Harness;

/// <summary>
/// Hosts and the network between them.
/// <code>
///  two hosts     client 192.0.2.2 ────────────────────────────────────────────── 192.0.2.1 server
///  behind NAT    client 192.168.7.2 ──── 192.168.7.1 router 192.0.2.2 ──── 192.0.2.1 server
/// </code>
/// </summary>
internal sealed class Lab : IAsyncDisposable
{
    /// <summary>Name of the device below the tunnel.</summary>
    public const string Link = "link0";

    /// <summary>The first of the 1,000 ports that the router gives to its clients' UDP.</summary>
    public const int FirstNatPort = 40_000;

    private const int ServerPort = 8000;

    private readonly NetworkNamespace? _router;

    private Lab(NetworkNamespace server, NetworkNamespace client, NetworkNamespace? router, string clientAddress)
    {
        Server = new Host(server, "192.0.2.1");
        Client = new Host(client, clientAddress);
        _router = router;
    }

    /// <summary>Waits for its peer.</summary>
    public Host Server { get; }

    /// <summary>Sends to the server.</summary>
    public Host Client { get; }

    /// <summary>Between them, where there is one: devices <c>inside</c> and <c>outside</c>.</summary>
    public NetworkNamespace Router =>
        _router ?? throw new InvalidOperationException("there is no router between two hosts");

    /// <summary>The server's file.</summary>
    public TunnelFile ServerFile { get; private set; } =
        new() { TunnelAddress = "10.0.0.1", NetworkAddress = $":{ServerPort}" };

    /// <summary>The client's file.</summary>
    public TunnelFile ClientFile { get; private set; } =
        new()
        {
            TunnelAddress = "10.0.0.2",
            NetworkAddress = $"192.0.2.1:{ServerPort}",
            HeartbeatInterval = 1,
        };

    /// <summary>Two hosts with one link between them.</summary>
    public static async Task<Lab> TwoHostsAsync()
    {
        Requirements.Check();
        var server = await NetworkNamespace.CreateAsync("server");
        var client = await NetworkNamespace.CreateAsync("client");
        await LinkAsync(
            server,
            Link,
            ["192.0.2.1/24", "2001:db8::1/64"],
            client,
            Link,
            ["192.0.2.2/24", "2001:db8::2/64"]
        );
        return new Lab(server, client, null, "192.0.2.2");
    }

    /// <summary>A client behind a router that gives it its own address, as a hotspot does.</summary>
    public static async Task<Lab> BehindNatAsync()
    {
        Requirements.Check();
        var server = await NetworkNamespace.CreateAsync("server");
        var client = await NetworkNamespace.CreateAsync("client");
        var router = await NetworkNamespace.CreateAsync("router");
        await LinkAsync(router, "inside", ["192.168.7.1/24"], client, Link, ["192.168.7.2/24"]);
        await LinkAsync(router, "outside", ["192.0.2.2/24"], server, Link, ["192.0.2.1/24"]);
        await client.IpAsync("route add default via 192.168.7.1");
        await router.RunAsync("sysctl", "-q", "-w", "net.ipv4.ip_forward=1");
        var lab = new Lab(server, client, router, "192.168.7.2");
        await lab.MasqueradeAsync(FirstNatPort);
        return lab;
    }

    /// <summary>Lets the router forget all connections, and give other ports to those that it sees again.</summary>
    /// <param name="firstPort">The first of the 1,000 ports.</param>
    public async Task RebindAsync(int firstPort)
    {
        await MasqueradeAsync(firstPort);
        if (Requirements.Has("conntrack"))
        {
            await Router.RunAsync("conntrack", "-F");
        }
        else
        {
            // The kernel forgets what it masqueraded behind a device that goes down.
            await Router.IpAsync("link set outside down\nlink set outside up\n");
        }
    }

    /// <summary>Starts both daemons and a tunnel between them, and waits until it carries pings.</summary>
    /// <param name="both">What is different at both ends, if anything.</param>
    /// <param name="server">What is different at the server.</param>
    /// <param name="client">What is different at the client.</param>
    public async Task StartTunnelAsync(
        Func<TunnelFile, TunnelFile>? both = null,
        Func<TunnelFile, TunnelFile>? server = null,
        Func<TunnelFile, TunnelFile>? client = null
    )
    {
        both ??= file => file;
        ServerFile = both((server ?? both)(ServerFile));
        ClientFile = both((client ?? both)(ClientFile));
        await Task.WhenAll(Server.Daemon.StartAsync(), Client.Daemon.StartAsync());
        await Server.Daemon.UpAsync(ServerFile);
        await Client.Daemon.UpAsync(ClientFile);
        await Client.WaitForPingAsync(ServerFile.Address);
    }

    /// <summary>How the server's end is.</summary>
    public Task<TunnelStatus> ServerStatusAsync() => Server.Control.StatusAsync(ServerFile.Name);

    /// <summary>How the client's end is.</summary>
    public Task<TunnelStatus> ClientStatusAsync() => Client.Control.StatusAsync(ClientFile.Name);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        await Server.DisposeAsync();
        if (_router is not null)
        {
            await _router.DisposeAsync();
        }
    }

    private Task MasqueradeAsync(int firstPort) =>
        Router.NftAsync(
            string.Create(
                CultureInfo.InvariantCulture,
                $$"""
                table ip nat {
                }
                flush table ip nat
                table ip nat {
                    chain postrouting {
                        type nat hook postrouting priority srcnat;
                        oifname "outside" meta l4proto udp masquerade to :{{firstPort}}-{{firstPort + 999}}
                        oifname "outside" masquerade
                    }
                }
                """
            )
        );

    private static async Task LinkAsync(
        NetworkNamespace a,
        string deviceOfA,
        string[] addressesOfA,
        NetworkNamespace b,
        string deviceOfB,
        string[] addressesOfB
    )
    {
        await a.IpAsync($"link add {deviceOfA} type veth peer name {deviceOfB} netns {b.Name}");
        await ConfigureAsync(a, deviceOfA, addressesOfA);
        await ConfigureAsync(b, deviceOfB, addressesOfB);
    }

    /// <summary>Without duplicate address detection, an IPv6 address can be used at once.</summary>
    private static Task ConfigureAsync(NetworkNamespace home, string device, string[] addresses) =>
        home.IpAsync(
            string.Concat(addresses.Select(a => $"addr add {a} dev {device}{(a.Contains(':') ? " nodad" : "")}\n"))
                + $"link set {device} up\n"
        );
}
