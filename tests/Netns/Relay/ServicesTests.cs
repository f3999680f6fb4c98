// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns.Relay;

/// <summary>Several services over one connection and by one approval, and who the client is.</summary>
public sealed class ServicesTests
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task Ranges_and_mapped_ports_reach_their_services_by_one_approval_and_change_while_datagrams_flow()
    {
        await using var relay = await RelayLab.CreateAsync();
        using var low = new NamingService(relay.Inside, 7101);
        using var high = new NamingService(relay.Inside, 7102);
        using var mapped = new NamingService(relay.Inside, 7200);
        using var late = new NamingService(relay.Inside, 7300);
        await relay.StartDaemonsAsync();
        await relay.Outside.Control.RunAsync(
            "relay",
            "receiver",
            "--name",
            RelayLab.Receiver,
            "--udp",
            ":7101-7103",
            "--udp",
            ":53",
            "--tcp",
            $":{RelayLab.TcpPort}"
        );
        await relay.Inside.Control.RunAsync(
            "relay",
            "sender",
            "--name",
            RelayLab.Sender,
            "--udp",
            "127.0.0.1:7101-7102",
            "--udp",
            "53=127.0.0.1:7200",
            "--tcp",
            $"{relay.Outside.Address}:{RelayLab.TcpPort}"
        );
        var waiting = await relay.WaitForSenderAsync("pending");
        Assert.Equal(["53", "7101-7102"], waiting.GetProperty("services").EnumerateArray().Select(s => s.GetString()));
        Assert.Equal(RelayLab.Sender, waiting.GetProperty("name").GetString());
        await relay.ApproveAsync();

        using var client = relay.Outside.Open(SocketType.Dgram);
        Assert.Equal("7101", await AskAsync(relay, client, 7101, Long));
        Assert.Equal("7102", await AskAsync(relay, client, 7102, Long));
        Assert.Equal("7200", await AskAsync(relay, client, 53, Long));
        Assert.Null(await AskAsync(relay, client, 7103, Short));
        Assert.True(RelayLab.Drops(await RelayLab.StatusAsync(relay.Outside, RelayLab.Receiver), "no_service") > 0);

        // The sender shows who the clients are, and what they ask.
        var status = (await relay.Inside.Control.RunAsync("status", RelayLab.Sender)).Json;
        var flows = status
            .GetProperty("flows")
            .EnumerateArray()
            .Select(f => (f.GetProperty("client").GetString(), f.GetProperty("port").GetInt32()))
            .Order();
        var own = $"{relay.Outside.Address}:{((IPEndPoint)client.LocalEndPoint!).Port}";
        Assert.Equal([(own, 53), (own, 7101), (own, 7102)], flows);

        // The sender serves one more port and gives another one up; the receiver has it already.
        var receiversTcp = $":{RelayLab.TcpPort}";
        await ReloadAsync(
            relay,
            relay.Inside,
            RelayLab.Sender,
            "sender",
            """["127.0.0.1:7101", "7103=127.0.0.1:7300"]""",
            $"{relay.Receivers}"
        );
        Assert.Equal("7300", await AskAsync(relay, client, 7103, Long));
        Assert.Equal("7101", await AskAsync(relay, client, 7101, Long));
        Assert.Null(await AskAsync(relay, client, 7102, Short));

        // And the receiver: another port, and one less, which is free at once.
        await ReloadAsync(relay, relay.Outside, RelayLab.Receiver, "receiver", """[":7101", ":7104"]""", receiversTcp);
        await ReloadAsync(
            relay,
            relay.Inside,
            RelayLab.Sender,
            "sender",
            """["127.0.0.1:7101", "7104=127.0.0.1:7300"]""",
            $"{relay.Receivers}"
        );
        Assert.Equal("7300", await AskAsync(relay, client, 7104, Long));
        Assert.Equal("7101", await AskAsync(relay, client, 7101, Long));
        using var freed = relay.Outside.Open(SocketType.Dgram);
        freed.Bind(new IPEndPoint(IPAddress.Any, 7103));
        var receiver = await RelayLab.StatusAsync(relay.Outside, RelayLab.Receiver);
        Assert.Equal(1, receiver.GetProperty("counters").GetProperty("connections").GetInt32());
    }

    [Fact]
    public async Task A_sender_that_serves_nothing_of_the_receiver_is_told_which_ports_it_has()
    {
        await using var relay = await RelayLab.CreateAsync();
        await relay.StartDaemonsAsync();
        await relay.Outside.Control.RunAsync(
            "relay",
            "receiver",
            "--name",
            RelayLab.Receiver,
            "--udp",
            ":53",
            "--udp",
            ":123",
            "--tcp",
            $":{RelayLab.TcpPort}"
        );
        await relay.StartSenderAsync();

        await WaitFor.AnswerAsync(
            () => RelayLab.StatusAsync(relay.Inside, RelayLab.Sender),
            s => s.GetProperty("problem").GetString()!.Contains("listens for UDP 53, 123", StringComparison.Ordinal),
            "the sender to be told"
        );
        Assert.Empty(await relay.SendersAsync());
    }

    [Fact]
    public async Task A_sender_of_version_1_goes_on_to_work_for_one_service()
    {
        await using var relay = await RelayLab.CreateAsync();
        await relay.Outside.Daemon.StartAsync();
        await relay.StartReceiverAsync();
        using var sender = await HandmadeSender.ConnectAsync(relay.Inside, relay.Receivers);
        await relay.WaitForSenderAsync("pending");
        await relay.ApproveAsync();
        await sender.WaitForAsync(HandmadeSender.Approved);
        using var client = relay.OpenClient();
        await client.SendAsync("x"u8.ToArray());

        var (flow, payload) = await sender.WaitForAsync(HandmadeSender.Datagram);

        Assert.Equal("x"u8.ToArray(), payload);
        await sender.WriteAsync(HandmadeSender.Frame(HandmadeSender.Datagram, flow, "y"u8.ToArray()));
        var buffer = new byte[10];
        Assert.Equal(1, await client.ReceiveAsync(buffer).WaitAsync(Long, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("v2", false)]
    [InlineData("v2-every", true)]
    public async Task The_service_is_told_who_the_client_is_with_the_first_datagram_or_with_each(
        string option,
        bool each
    )
    {
        await using var relay = await RelayLab.CreateAsync();
        using var service = relay.Inside.Open(SocketType.Dgram);
        service.Bind(new IPEndPoint(IPAddress.Loopback, RelayLab.ServicePort));
        await relay.StartDaemonsAsync();
        await relay.StartReceiverAsync();
        await relay.StartSenderAsync("tls", "--proxy-protocol", option);
        await relay.ApproveAsync();
        await RelayLab.WaitForStateAsync(relay.Outside, RelayLab.Receiver, "running");
        using var client = relay.OpenClient();
        var header = Header((IPEndPoint)client.LocalEndPoint!, (IPEndPoint)client.RemoteEndPoint!);
        var received = new byte[2000];
        for (var i = 0; i < 3; i++)
        {
            byte[] datagram = [(byte)'a', (byte)i];
            await client.SendAsync(datagram);

            var length = await service.ReceiveAsync(received).WaitAsync(Long, TestContext.Current.CancellationToken);

            Assert.Equal([.. i == 0 || each ? header : [], .. datagram], received[..length]);
        }
    }

    /// <remarks>
    /// The service starts again while its client goes on, and ICMP tells of each datagram that finds nobody.
    /// </remarks>
    [Fact]
    public async Task A_service_that_starts_again_or_moves_is_told_again_who_the_client_is()
    {
        const string Name = "service.lan";
        await using var relay = await RelayLab.CreateAsync();
        using var names = relay.NamesInside($"127.0.0.1 {Name}");
        await relay.StartDaemonsAsync();
        await relay.StartReceiverAsync();
        await relay.Inside.Control.RunAsync(
            "relay",
            "sender",
            "--udp",
            $"{Name}:{RelayLab.ServicePort}",
            "--tcp",
            $"{relay.Outside.Address}:{RelayLab.TcpPort}",
            "--proxy-protocol",
            "v2"
        );
        await relay.ApproveAsync();
        await RelayLab.WaitForStateAsync(relay.Outside, RelayLab.Receiver, "running");
        using var client = relay.OpenClient();
        var header = Header((IPEndPoint)client.LocalEndPoint!, (IPEndPoint)client.RemoteEndPoint!);

        using (var first = Open("127.0.0.1"))
        {
            Assert.Equal(header, await FirstAsync(first));
            Assert.NotEqual(header, await FirstAsync(first));
        }

        // These find nobody.
        for (var i = 0; i < 5; i++)
        {
            await client.SendAsync("nobody?"u8.ToArray());
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }

        using (var again = Open("127.0.0.1"))
        {
            Assert.Equal(header, await FirstAsync(again));
            Assert.NotEqual(header, await FirstAsync(again));
        }

        using var moved = Open("127.0.0.2");
        await File.WriteAllTextAsync(names["hosts"], $"127.0.0.2 {Name}\n", TestContext.Current.CancellationToken);
        Assert.Equal(header, await FirstAsync(moved));
        Assert.NotEqual(header, await FirstAsync(moved));

        Socket Open(string address)
        {
            var service = relay.Inside.Open(SocketType.Dgram);
            RelayLab.ShareAddress(service);
            service.Bind(new IPEndPoint(IPAddress.Parse(address), RelayLab.ServicePort));
            return service;
        }

        // Sends until the service has something, and gives what may be a header in front of it.
        async Task<byte[]> FirstAsync(Socket service)
        {
            var received = new byte[2000];
            var arrives = service.ReceiveAsync(received);
            var clock = Stopwatch.StartNew();
            while (!arrives.IsCompleted && clock.Elapsed < Long)
            {
                await client.SendAsync("and a datagram that is longer than a header"u8.ToArray());
                await Task.WhenAny(arrives, Task.Delay(100, TestContext.Current.CancellationToken));
            }

            Assert.True(arrives.IsCompleted, "nothing reached the service");
            return received[..header.Length];
        }
    }

    private static byte[] Header(IPEndPoint client, IPEndPoint receiver) =>
        [
            0x0D,
            0x0A,
            0x0D,
            0x0A,
            0x00,
            0x0D,
            0x0A,
            0x51,
            0x55,
            0x49,
            0x54,
            0x0A,
            0x21,
            0x12,
            0,
            12,
            .. client.Address.MapToIPv4().GetAddressBytes(),
            .. receiver.Address.MapToIPv4().GetAddressBytes(),
            (byte)(client.Port >> 8),
            (byte)client.Port,
            (byte)(receiver.Port >> 8),
            (byte)receiver.Port,
        ];

    private static async Task ReloadAsync(RelayLab relay, Host host, string name, string role, string udp, string tcp)
    {
        var path = Path.Combine(Path.GetDirectoryName(relay.Outside.Daemon.SocketPath)!, $"{name}.json");
        await File.WriteAllTextAsync(
            path,
            $$"""{"Relay": "{{role}}", "UdpAddress": {{udp}}, "TcpAddress": "{{tcp}}"}"""
        );
        Assert.True((await host.Control.RunAsync("reload", name, path)).Json.GetProperty("applied").GetBoolean());
    }

    /// <summary>Asks a port of the receiver until there is an answer.</summary>
    private static async Task<string?> AskAsync(RelayLab relay, Socket client, int port, TimeSpan patience)
    {
        var asked = new IPEndPoint(IPAddress.Parse(relay.Outside.Address), port);
        using var limit = new CancellationTokenSource(patience);
        var buffer = new byte[100];
        while (!limit.IsCancellationRequested)
        {
            using var turn = CancellationTokenSource.CreateLinkedTokenSource(limit.Token);
            turn.CancelAfter(TimeSpan.FromMilliseconds(300));
            try
            {
                await client.SendToAsync("who?"u8.ToArray(), asked, turn.Token);
                var answer = await client.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), turn.Token);
                if (answer.RemoteEndPoint.Equals(asked))
                {
                    return System.Text.Encoding.ASCII.GetString(buffer, 0, answer.ReceivedBytes);
                }
            }
            catch (OperationCanceledException)
            {
                // No answer yet.
            }
        }

        return null;
    }

    /// <summary>A service that answers with its port.</summary>
    private sealed class NamingService : IDisposable
    {
        private readonly Socket _socket;
        private readonly Task _running;

        public NamingService(Host host, int port)
        {
            _socket = host.Open(SocketType.Dgram);
            RelayLab.ShareAddress(_socket);
            _socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            _running = RunAsync(System.Text.Encoding.ASCII.GetBytes($"{port}"));
        }

        public void Dispose()
        {
            _socket.Dispose();
            _running.Wait();
        }

        private async Task RunAsync(byte[] answer)
        {
            var buffer = new byte[100];
            try
            {
                while (true)
                {
                    var asked = await _socket.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0));
                    await _socket.SendToAsync(answer, asked.RemoteEndPoint);
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // Disposed of.
            }
        }
    }
}
