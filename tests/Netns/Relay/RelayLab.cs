// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns.Relay;

/// <summary>
/// A receiver on a reachable host, and a sender on a host whose firewall lets only TCP out. The clients are on the
/// receiver's host.
/// </summary>
internal sealed class RelayLab : IAsyncDisposable
{
    /// <summary>Where clients send to.</summary>
    public const int UdpPort = 7000;

    /// <summary>Where the sender connects to.</summary>
    public const int TcpPort = 7001;

    /// <summary>Where the service listens, on the loopback of the sender's host.</summary>
    public const int ServicePort = 7100;

    /// <summary>Name of the receiver.</summary>
    public const string Receiver = "public";

    /// <summary>Name of the sender.</summary>
    public const string Sender = "inside";

    private RelayLab(Lab lab) => Lab = lab;

    /// <summary>Server: the receiver's host. Client: the sender's.</summary>
    public Lab Lab { get; }

    /// <summary>The host that can be reached.</summary>
    public Host Outside => Lab.Server;

    /// <summary>The host that cannot.</summary>
    public Host Inside => Lab.Client;

    /// <summary>Where the receiver listens for senders, as the sender's host sees it.</summary>
    public IPEndPoint Receivers => new(IPAddress.Parse(Outside.Address), TcpPort);

    /// <summary>Two hosts and the firewall between them.</summary>
    public static async Task<RelayLab> CreateAsync()
    {
        var lab = await Lab.TwoHostsAsync();
        await lab.Client.Namespace.NftAsync(
            $$"""
            table inet private {
                chain input {
                    type filter hook input priority 0; policy accept;
                    iifname "{{Lab.Link}}" ct state established accept
                    iifname "{{Lab.Link}}" meta l4proto { tcp, udp } drop
                }
                chain output {
                    type filter hook output priority 0; policy accept;
                    oifname "{{Lab.Link}}" meta l4proto udp drop
                }
            }
            """
        );
        return new RelayLab(lab);
    }

    /// <summary>Answers every packet of the sender's TCP connections with a reset.</summary>
    public Task ResetAsync() => CutAsync("reject with tcp reset", "accept");

    /// <summary>Lets all packets of the sender's TCP connections disappear, in both directions.</summary>
    public Task SwallowAsync() => CutAsync("drop", "drop");

    /// <summary>Lets them through again.</summary>
    public Task MendAsync() => Outside.Namespace.NftAsync("delete table inet cut");

    /// <summary>Starts both daemons.</summary>
    public Task StartDaemonsAsync() => Task.WhenAll(Outside.Daemon.StartAsync(), Inside.Daemon.StartAsync());

    /// <summary>Starts the receiver.</summary>
    public Task<ControlResult> StartReceiverAsync(string protocol = "tls", params string[] more) =>
        Outside.Control.RunAsync([
            "relay",
            "receiver",
            "--udp",
            $":{UdpPort}",
            "--tcp",
            $":{TcpPort}",
            "--name",
            Receiver,
            "--protocol",
            protocol,
            .. more,
        ]);

    /// <summary>Starts the sender.</summary>
    public Task<ControlResult> StartSenderAsync(string protocol = "tls", params string[] more) =>
        Inside.Control.RunAsync([
            "relay",
            "sender",
            "--udp",
            $"127.0.0.1:{ServicePort}",
            "--tcp",
            $"{Outside.Address}:{TcpPort}",
            "--name",
            Sender,
            "--protocol",
            protocol,
            .. more,
        ]);

    /// <summary>Waits for a sender in this state.</summary>
    /// <returns>The sender as <c>senders --json</c> has it.</returns>
    public async Task<JsonElement> WaitForSenderAsync(string state)
    {
        var all = await WaitFor.AnswerAsync(
            SendersAsync,
            s => s.Any(e => e.GetProperty("state").GetString() == state),
            $"a sender that is {state}"
        );
        return all.First(e => e.GetProperty("state").GetString() == state);
    }

    /// <summary>All senders of the receiver.</summary>
    public async Task<JsonElement[]> SendersAsync() =>
        [.. (await Outside.Control.RunAsync("senders")).Json.GetProperty("senders").EnumerateArray()];

    /// <summary>Starts everything and lets the sender in.</summary>
    /// <param name="protocol">Of both ends.</param>
    /// <param name="more">Options of both ends.</param>
    public async Task StartApprovedAsync(string protocol = "tls", params string[] more)
    {
        await StartDaemonsAsync();
        await StartReceiverAsync(protocol, more);
        await StartSenderAsync(protocol, more);
        await ApproveAsync();
    }

    /// <summary>Lets the one that waits in.</summary>
    public async Task ApproveAsync(params string[] more)
    {
        var sender = await WaitForSenderAsync("pending");
        var name = sender.GetProperty("fingerprint").GetString() ?? sender.GetProperty("address").GetString()!;
        await Outside.Control.RunAsync(["approve", name, .. more]);
    }

    /// <summary>Waits until a relay is in this state.</summary>
    public static Task<JsonElement> WaitForStateAsync(
        Host host,
        string relay,
        string state,
        TimeSpan? deadline = null
    ) =>
        WaitFor.AnswerAsync(
            () => StatusAsync(host, relay),
            r => r.GetProperty("state").GetString() == state,
            $"{relay} to be {state}",
            deadline
        );

    /// <summary>How a relay is.</summary>
    public static async Task<JsonElement> StatusAsync(Host host, string relay) =>
        (await host.Control.RunAsync("status", relay)).Json.GetProperty("relays")[0];

    /// <summary>How many datagrams a relay dropped for a reason.</summary>
    public static long Drops(JsonElement relay, string reason) =>
        relay
            .GetProperty("counters")
            .GetProperty("drops")
            .EnumerateArray()
            .Where(d => d.GetProperty("reason").GetString() == reason)
            .Sum(d => d.GetProperty("packets").GetInt64());

    /// <summary>
    /// Names that the sender's host knows, until the folder is disposed of: its file <c>hosts</c>. Before the daemons
    /// run, for <c>ip netns exec</c> puts the file in place of the host's.
    /// </summary>
    public TemporaryDirectory NamesInside(string lines)
    {
        var directory = new TemporaryDirectory($"/etc/netns/{Inside.Namespace.Name}");
        File.WriteAllText(directory["hosts"], lines + "\n");
        return directory;
    }

    /// <summary>A service that sends each datagram back, until it is disposed of.</summary>
    public EchoService StartEcho() => new(Inside.Open(SocketType.Dgram), ServicePort);

    /// <summary>A client of the service.</summary>
    /// <param name="source">
    /// One of the loopback's addresses to come from, which then is where it sends to as well; null for the network.
    /// </param>
    public Socket OpenClient(IPAddress? source = null)
    {
        var socket = Outside.Open(SocketType.Dgram);
        socket.SendBufferSize = 1 << 20;
        if (source is not null)
        {
            socket.Bind(new IPEndPoint(source, 0));
        }

        socket.Connect(new IPEndPoint(source is null ? IPAddress.Parse(Outside.Address) : IPAddress.Loopback, UdpPort));
        return socket;
    }

    /// <summary>Sends a datagram again and again until it comes back.</summary>
    public static async Task<bool> EchoesAsync(Socket client, byte[] datagram, TimeSpan deadline)
    {
        using var limit = new CancellationTokenSource(deadline);
        var buffer = new byte[65_535];
        while (!limit.IsCancellationRequested)
        {
            using var turn = CancellationTokenSource.CreateLinkedTokenSource(limit.Token);
            turn.CancelAfter(TimeSpan.FromMilliseconds(500));
            try
            {
                await client.SendAsync(datagram, turn.Token);
                var length = await client.ReceiveAsync(buffer, turn.Token);
                if (buffer.AsSpan(0, length).SequenceEqual(datagram))
                {
                    return true;
                }
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException)
            {
                // Nothing came back, or nobody listens yet: the next turn.
            }
        }

        return false;
    }

    /// <summary>
    /// Lets a service take the address of one that was just closed: between fork and exec a process that another test
    /// starts holds a copy of every descriptor.
    /// </summary>
    public static void ShareAddress(Socket service) =>
        service.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);

    /// <summary>
    /// UDP datagrams that the host has sent, whoever it was: OutDatagrams of /proc/net/snmp and its IPv6 twin.
    /// </summary>
    public static async Task<long> SentDatagramsAsync(Host host)
    {
        var text = await host.Namespace.RunAsync("cat", "/proc/net/snmp", "/proc/net/snmp6");
        var lines = text.Split('\n');
        var udp = lines.Where(l => l.StartsWith("Udp:", StringComparison.Ordinal)).Select(l => l.Split(' ')).ToList();
        var v4 = long.Parse(udp[1][Array.IndexOf(udp[0], "OutDatagrams")], CultureInfo.InvariantCulture);
        var v6 = lines
            .Single(l => l.StartsWith("Udp6OutDatagrams", StringComparison.Ordinal))
            .Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1];
        return v4 + long.Parse(v6, CultureInfo.InvariantCulture);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Lab.DisposeAsync();

    private Task CutAsync(string input, string output) =>
        Outside.Namespace.NftAsync(
            $$"""
            table inet cut {
                chain input {
                    type filter hook input priority 0;
                    tcp dport {{TcpPort}} {{input}}
                }
                chain output {
                    type filter hook output priority 0;
                    tcp sport {{TcpPort}} {{output}}
                }
            }
            """
        );
}
