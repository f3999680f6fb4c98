// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Text;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns.Relay;

/// <summary>
/// What a stranger can send to the TCP port, and a sender that was approved by mistake: its connection ends, the other
/// relay of the same daemon goes on and the daemon does not grow.
/// </summary>
public sealed class HostileConnectionTests
{
    private const string Victim = "victim";
    private const int VictimUdpPort = 7200;
    private const int VictimTcpPort = 7201;

    // More than all that a connection may have buffered, and far less than what is sent.
    private const int MostGrowth = 48 * 1024;

    private const long Gigabyte = 1L << 30;

    // A connection that does nothing useful has 10 s.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(25);

    private static readonly byte[] ClientHelloStart =
    [
        0x16,
        0x03,
        0x01,
        0x02,
        0x00,
        0x01,
        0x00,
        0x01,
        0xFC,
        0x03,
        0x03,
    ];

    [Fact]
    public async Task Whatever_a_stranger_sends_to_the_tls_port_ends_its_connection_alone()
    {
        await using var relay = await StartAsync("tls");
        var endless = new byte[64 * 1024];
        Random.Shared.NextBytes(endless);
        endless[0] = (byte)'{';

        await AssertEndsAsync(relay, "nothing", s => Task.CompletedTask);
        await AssertEndsAsync(relay, "random bytes", s => s.WriteAsync(endless));
        await AssertEndsAsync(relay, "random bytes behind the first byte of TLS", s => s.WriteAsync(
                new byte[] { 0x16 }
                    .Concat(endless)
                    .ToArray()
            ));
        await AssertEndsAsync(relay, "half a handshake", s => s.WriteAsync(ClientHelloStart));
        await AssertEndsAsync(relay, "a record of the greatest length, one byte at a time", async s =>
        {
            foreach (var b in (byte[])[0x16, 0x03, 0x01, 0xFF, 0xFF, .. new byte[200]])
            {
                await s.WriteAsync(new[] { b });
                await Task.Delay(100);
            }
        });
        await AssertEndsAsync(relay, "the classic protocol", s =>
            s.WriteAsync(Encoding.ASCII.GetBytes("{\"PacketMessage\":{\"Host\":\"192.0.2.7:1\",\"Packet\":\"\"}}\n"))
        );
        await AssertEndsAsync(relay, "HTTP", s => s.WriteAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray()));
        await AssertUnharmedAsync(relay);
    }

    [Theory]
    [InlineData(HandmadeSender.Datagram, 1u)]
    [InlineData(HandmadeSender.FlowClosed, 1u)]
    [InlineData(HandmadeSender.Approved, 0u)]
    [InlineData(HandmadeSender.Hello, 0u)]
    [InlineData((byte)99, 0u)]
    public async Task A_frame_that_nobody_may_send_before_the_approval_ends_the_connection(byte type, uint flow)
    {
        await using var relay = await RelayLab.CreateAsync();
        await relay.Outside.Daemon.StartAsync();
        await relay.StartReceiverAsync();
        using var sender = await HandmadeSender.ConnectAsync(relay.Inside, relay.Receivers);
        await relay.WaitForSenderAsync("pending");

        await sender.WriteAsync(HandmadeSender.Frame(type, flow));

        await sender.WaitForEndAsync();
        await WaitFor.TrueAsync(async () => (await relay.SendersAsync()).Length == 0, "the sender to be gone");
        Assert.Equal(1, RelayLab.Drops(await RelayLab.StatusAsync(relay.Outside, RelayLab.Receiver), "protocol_error"));
    }

    [Fact]
    public async Task Frames_that_no_approved_sender_sends_end_its_connection()
    {
        await using var relay = await RelayLab.CreateAsync();
        await relay.Outside.Daemon.StartAsync();
        await relay.StartReceiverAsync();
        var random = new byte[100_000];
        Random.Shared.NextBytes(random);
        random[0] = 200;
        byte[][] frames =
        [
            HandmadeSender.Frame(99, 1),
            HandmadeSender.Frame(HandmadeSender.Hello, 0, [1, 2]),
            HandmadeSender.Frame(HandmadeSender.Datagram, 0, [1]),
            HandmadeSender.Frame(HandmadeSender.Ping, 7),
            HandmadeSender.Frame(HandmadeSender.Ping, 0, [1]),
            HandmadeSender.Frame(HandmadeSender.FlowClosed, 1, new byte[600]),
            [HandmadeSender.Datagram, 1, 0, 0, 0, 0, 0, 1],
            [HandmadeSender.Datagram, 0, 0xFF, 0xFF, 0, 0, 0, 1, .. new byte[65_535]],
            random,
        ];
        var ended = 0;
        foreach (var frame in frames)
        {
            using var sender = await HandmadeSender.ConnectAsync(relay.Inside, relay.Receivers);
            await relay.ApproveAsync("--once");
            await sender.WaitForAsync(HandmadeSender.Approved);
            try
            {
                await sender.WriteAsync(frame);
            }
            catch (IOException)
            {
                // The receiver had seen enough before all of it was written.
            }

            await sender.WaitForEndAsync();
            ended++;
            await WaitFor.AnswerAsync(
                () => RelayLab.StatusAsync(relay.Outside, RelayLab.Receiver),
                s => RelayLab.Drops(s, "protocol_error") == ended && s.GetProperty("state").GetString() == "waiting",
                $"frame {ended} to end the connection"
            );
        }
    }

    [Fact]
    public async Task Whatever_comes_to_the_classic_port_ends_its_connection_alone()
    {
        await using var relay = await StartAsync("classic");
        var beginning = Encoding.ASCII.GetBytes("{\"PacketMessage\":{\"Packet\":\"");
        var base64 = Encoding.ASCII.GetBytes(new string('A', 64 * 1024));

        // Before the approval, and after it, when more is read.
        foreach (var approve in new[] { false, true })
        {
            await AssertEndsAsync(
                relay,
                "an object of a gigabyte without a line feed",
                s => s.WriteEndlesslyAsync(beginning, base64, Gigabyte),
                approve
            );
            await AssertEndsAsync(
                relay,
                "brackets without end",
                s => s.WriteEndlesslyAsync([], Encoding.ASCII.GetBytes(new string('[', 64 * 1024)), Gigabyte),
                approve
            );
            await AssertEndsAsync(relay, "random bytes", s => s.WriteEndlesslyAsync([0xFF], base64, Gigabyte), approve);
            await AssertEndsAsync(relay, "TLS", s => s.WriteAsync(ClientHelloStart), approve);
        }

        foreach (
            var text in new[]
            {
                """{"PacketMessage":{"Host":"192.0.2.7:1","Packet":"%%%%"}}""",
                """{"PacketMessage":{"Host":7,"Packet":""}}""",
                """{"PacketMessage":[1]}""",
                """{"PacketMessage":{"Host":"x","Packet":[256]}}""",
                """{"PacketMessage":{"Host":"x","Packet":[-1]}}""",
                "nonsense",
                "{\"PacketMessage\":{\"Host\":\"" + new string('x', 300) + "\",\"Packet\":\"\"}}",
            }
        )
        {
            await AssertEndsAsync(relay, text, s => s.WriteAsync(Encoding.ASCII.GetBytes(text + "\n")), approve: true);
        }

        await AssertUnharmedAsync(relay);
    }

    /// <summary>The relay that goes on, and the one that is attacked.</summary>
    private static async Task<RelayLab> StartAsync(string protocol)
    {
        var relay = await RelayLab.CreateAsync();
        try
        {
            await relay.StartApprovedAsync();
            await relay.Outside.Control.RunAsync(
                "relay",
                "receiver",
                "--udp",
                $":{VictimUdpPort}",
                "--tcp",
                $":{VictimTcpPort}",
                "--name",
                Victim,
                "--protocol",
                protocol
            );
            return relay;
        }
        catch
        {
            await relay.DisposeAsync();
            throw;
        }
    }

    private static async Task AssertEndsAsync(
        RelayLab relay,
        string what,
        Func<HostileStream, Task> attack,
        bool approve = false
    )
    {
        var before = ProcessUsage.Of(relay.Outside.Daemon.Id).ResidentKilobytes;
        using var stream = await HostileStream.ConnectAsync(
            relay.Inside,
            new IPEndPoint(IPAddress.Parse(relay.Outside.Address), VictimTcpPort)
        );
        if (approve)
        {
            await WaitFor.TrueAsync(
                async () => (await relay.Outside.Control.TryAsync("approve", stream.Address)).ExitCode == 0,
                "the stranger to be approved by mistake"
            );
        }

        await attack(stream);

        Assert.True(await stream.EndsAsync(Patience), what);
        var growth = ProcessUsage.Of(relay.Outside.Daemon.Id).ResidentKilobytes - before;
        Assert.True(growth < MostGrowth, $"{what}: {growth} KiB more");
    }

    private static async Task AssertUnharmedAsync(RelayLab relay)
    {
        using var echo = relay.StartEcho();
        using var client = relay.OpenClient();
        Assert.True(await RelayLab.EchoesAsync(client, [1], Patience));
        Assert.Equal(
            1,
            (await RelayLab.StatusAsync(relay.Inside, RelayLab.Sender))
                .GetProperty("counters")
                .GetProperty("connections")
                .GetInt64()
        );
        await WaitFor.AnswerAsync(
            () => RelayLab.StatusAsync(relay.Outside, Victim),
            s => s.GetProperty("pendingSenders").GetInt32() == 0,
            "nobody to wait at the victim"
        );
    }
}
