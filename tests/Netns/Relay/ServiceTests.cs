// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns.Relay;

/// <summary>The service moves, has several addresses, answers from elsewhere, or sits behind a smaller path.</summary>
public sealed class ServiceTests
{
    private const string Name = "service.lan";
    private const string TftpServer = "/usr/sbin/in.tftpd";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    [Fact]
    public async Task A_flow_whose_client_goes_on_follows_a_service_that_has_another_address()
    {
        await using var relay = await RelayLab.CreateAsync();
        using var names = relay.NamesInside($"127.0.0.1 {Name}");
        var before = new EchoService(relay.Inside.Open(SocketType.Dgram), RelayLab.ServicePort);
        using var after = new EchoService(
            relay.Inside.Open(SocketType.Dgram),
            RelayLab.ServicePort,
            address: IPAddress.Parse("127.0.0.2")
        );
        await StartAsync(relay, $"{Name}:{RelayLab.ServicePort}");
        using var client = relay.OpenClient();
        Assert.True(await RelayLab.EchoesAsync(client, [1], Patience));

        before.Dispose();
        await File.WriteAllTextAsync(names["hosts"], $"127.0.0.2 {Name}\n", TestContext.Current.CancellationToken);

        Assert.True(await RelayLab.EchoesAsync(client, [2], TimeSpan.FromSeconds(6)));
        Assert.True(after.Received > 0);
    }

    [Fact]
    public async Task Of_a_name_with_two_addresses_the_one_where_somebody_listens_is_used_and_it_is_told()
    {
        await using var relay = await RelayLab.CreateAsync();
        using var names = relay.NamesInside($"::1 {Name}\n127.0.0.1 {Name}");
        using var echo = relay.StartEcho();
        await StartAsync(relay, $"{Name}:{RelayLab.ServicePort}");
        using var client = relay.OpenClient();

        Assert.True(await RelayLab.EchoesAsync(client, [1], Patience));
        await WaitFor.TrueAsync(
            async () =>
                (await relay.Inside.Control.EventsAsync()).Any(e =>
                    e.Message.Contains($"nobody listens at [::1]:{RelayLab.ServicePort}", StringComparison.Ordinal)
                ),
            "an event that tells it"
        );
    }

    [Fact]
    public async Task Answers_from_another_port_are_named_and_pass_where_the_configuration_says_so()
    {
        await using var relay = await RelayLab.CreateAsync();
        using var asked = relay.Inside.Open(SocketType.Dgram);
        using var answering = relay.Inside.Open(SocketType.Dgram);
        asked.Bind(new IPEndPoint(IPAddress.Loopback, RelayLab.ServicePort));
        answering.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var stop = new CancellationTokenSource();
        var service = Task.WhenAll(
            AnswerAsync(asked, answering, stop.Token),
            AnswerAsync(answering, answering, stop.Token)
        );
        await StartAsync(relay, $"127.0.0.1:{RelayLab.ServicePort}", "asked");
        await RelayLab.WaitForStateAsync(relay.Outside, RelayLab.Receiver, "running");
        using var client = relay.OpenClient();
        await client.SendAsync(new byte[] { 1 });
        await WaitFor.AnswerAsync(
            () => RelayLab.StatusAsync(relay.Inside, RelayLab.Sender),
            s => RelayLab.Drops(s, "other_source") > 0,
            "a dropped answer"
        );
        var doctor = await relay.Inside.Control.TryRawAsync("doctor", RelayLab.Sender);
        Assert.Contains("any-port", doctor.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("datagrams flow", doctor.Output, StringComparison.Ordinal);

        await relay.Inside.Control.RunAsync("down", RelayLab.Sender);
        await UpAsync(relay, $"127.0.0.1:{RelayLab.ServicePort}", answersFrom: null);
        Assert.True(await RelayLab.EchoesAsync(client, [2], Patience));
        Assert.True(await RelayLab.EchoesAsync(client, [3], Patience));

        // All hosts of a network.
        await relay.Inside.Control.RunAsync("down", RelayLab.Sender);
        using var all = relay.Inside.Open(SocketType.Dgram);
        all.Bind(new IPEndPoint(IPAddress.Any, RelayLab.ServicePort + 1));
        var broadcast = AnswerAsync(all, answering, stop.Token);
        await UpAsync(relay, $"127.255.255.255:{RelayLab.ServicePort + 1}", "any");
        Assert.True(await RelayLab.EchoesAsync(client, [4], Patience));
        await stop.CancelAsync();
        await service;
        await broadcast;
    }

    [Fact]
    public async Task A_file_comes_from_a_tftp_server_that_answers_from_a_port_of_its_own()
    {
        Assert.SkipUnless(File.Exists(TftpServer), $"needs {TftpServer} (Debian package tftpd-hpa)");
        await using var relay = await RelayLab.CreateAsync();
        using var files = new TemporaryDirectory();
        var file = RandomNumberGenerator.GetBytes(3000);
        await File.WriteAllBytesAsync(files["boot.bin"], file, TestContext.Current.CancellationToken);
        File.SetUnixFileMode(files["boot.bin"], (UnixFileMode)0b110_100_100);
        relay.Inside.Namespace.Start(
            "in.tftpd",
            [TftpServer, "-L", "-4", "-a", $"127.0.0.1:{RelayLab.ServicePort}", "-s", "-u", "root", files[""]]
        );
        await relay.StartDaemonsAsync();
        await relay.StartReceiverAsync();
        await UpAsync(relay, $"127.0.0.1:{RelayLab.ServicePort}", answersFrom: null);
        await relay.ApproveAsync();
        await RelayLab.WaitForStateAsync(relay.Inside, RelayLab.Sender, "running");

        // Twice by one port: the second request goes to the server again, not to where the first file came from.
        using var client = relay.OpenClient();
        Assert.Equal(file, await FetchAsync(client));
        Assert.Equal(file, await FetchAsync(client));
    }

    /// <summary>Reads boot.bin by TFTP (RFC 1350), with one try for each block and more for the request.</summary>
    private static async Task<byte[]> FetchAsync(Socket client)
    {
        var file = new List<byte>();
        byte[] question = [0, 1, .. "boot.bin\0octet\0"u8];
        var answer = new byte[600];
        var (block, tries) = (1, 0);
        while (true)
        {
            Assert.True(tries++ < 20, $"no block {block}");
            await client.SendAsync(question);
            using var turn = new CancellationTokenSource(TimeSpan.FromSeconds(1));
            int length;
            try
            {
                do
                {
                    length = await client.ReceiveAsync(answer, turn.Token);
                } while (answer[1] != 3 || BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(2)) != block);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException)
            {
                continue;
            }

            (question, block, tries) = ([0, 4, answer[2], answer[3]], block + 1, 0);
            file.AddRange(answer.AsSpan(4, length - 4));
            if (length < 516)
            {
                await client.SendAsync(question);
                return [.. file];
            }
        }
    }

    [Fact]
    public async Task No_datagram_leaves_with_do_not_fragment()
    {
        await using var relay = await RelayLab.CreateAsync();
        using var echo = relay.StartEcho();
        await relay.StartApprovedAsync();
        await relay.Inside.Namespace.NftAsync(RefuseUnfragmentable($"udp dport {RelayLab.ServicePort}"));
        await relay.Outside.Namespace.NftAsync(RefuseUnfragmentable($"udp sport {RelayLab.UdpPort}"));
        using var client = relay.OpenClient();

        Assert.True(await RelayLab.EchoesAsync(client, [1], Patience));
        Assert.True(await RelayLab.EchoesAsync(client, new byte[1400], Patience));
    }

    private static string RefuseUnfragmentable(string datagrams) =>
        $$"""
            table ip whole {
                chain output {
                    type filter hook output priority 0;
                    {{datagrams}} ip frag-off & 0x4000 != 0 drop
                }
            }
            """;

    private static async Task StartAsync(RelayLab relay, string service, string? answersFrom = null)
    {
        await relay.StartDaemonsAsync();
        await relay.StartReceiverAsync();
        await UpAsync(relay, service, answersFrom);
        await relay.ApproveAsync();
    }

    private static async Task UpAsync(RelayLab relay, string service, string? answersFrom)
    {
        using var directory = new TemporaryDirectory();
        var answers = answersFrom is null ? "" : $"\"AnswersFrom\": \"{answersFrom}\",";
        await File.WriteAllTextAsync(
            directory["sender.json"],
            $$"""
            {
                "Relay": "sender", "Name": "{{RelayLab.Sender}}", {{answers}}
                "UdpAddress": "{{service}}", "TcpAddress": "{{relay.Outside.Address}}:{{RelayLab.TcpPort}}"
            }
            """
        );
        await relay.Inside.Control.RunAsync("up", directory["sender.json"]);
    }

    /// <summary>Sends what comes to one socket back from another.</summary>
    private static async Task AnswerAsync(Socket asked, Socket answering, CancellationToken stop)
    {
        var buffer = new byte[2048];
        try
        {
            while (true)
            {
                var got = await asked.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), stop);
                await answering.SendToAsync(buffer.AsMemory(0, got.ReceivedBytes), got.RemoteEndPoint, stop);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }
}
