// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using UdpTunnel.Tests.Api.Daemon;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Api;

/// <summary>
/// Clients that begin messages and do not end them, and that call and do not read: each costs a bounded memory, for a
/// bounded time.
/// </summary>
public sealed class MisbehavingClientTests
{
    private const string Tunnels = "udptunnel.v1.TunnelService/";
    private const long MaxGrowthKilobytes = 64 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Tunnels + "StartTunnel", 1_000_000)]
    [InlineData(Tunnels + "ListTunnels", 1000)]
    [InlineData("udptunnel.v1.EventService/WatchEvents", 1000)]
    [InlineData("grpc.reflection.v1.ServerReflection/ServerReflectionInfo", 1000)]
    public async Task A_message_that_does_not_come_to_its_end_is_given_up_after_five_seconds(string method, int length)
    {
        await using var daemon = await DaemonProcess.StartAsync();
        using var client = await RawHttp2.ConnectAsync(daemon.SocketPath, 65_535, Cancellation);
        var since = Stopwatch.StartNew();
        var stream = await client.CallAsync(method, length, new byte[100], ends: false, Cancellation);

        Assert.True(await client.EndsAsync(stream, Patience));

        Assert.InRange(since.Elapsed, TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(20));
        Assert.DoesNotContain("   at ", daemon.Process.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Tunnels + "ListTunnels")]
    [InlineData(Tunnels + "ListTunnelFlows")]
    [InlineData("udptunnel.v1.EventService/ListEvents")]
    [InlineData("udptunnel.v1.RelayService/ListFlows")]
    public async Task A_message_that_is_far_longer_than_its_method_needs_is_refused_when_its_length_is_known(
        string method
    )
    {
        await using var daemon = await DaemonProcess.StartAsync();
        using var client = await RawHttp2.ConnectAsync(daemon.SocketPath, 65_535, Cancellation);
        var stream = await client.CallAsync(method, 1_500_000, [1], ends: false, Cancellation);

        Assert.True(await client.EndsAsync(stream, Patience));

        Assert.Contains("the message has 1500000 bytes", client.AnswerHeaders, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stream_of_messages_may_pause_between_them()
    {
        await using var daemon = await DaemonProcess.StartAsync();
        using var call = new Grpc.Reflection.V1.ServerReflection.ServerReflectionClient(
            daemon.Channel.Invoker
        ).ServerReflectionInfo(cancellationToken: Cancellation);
        for (var i = 0; i < 2; i++)
        {
            await call.RequestStream.WriteAsync(
                new Grpc.Reflection.V1.ServerReflectionRequest { ListServices = "" },
                Cancellation
            );
            Assert.True(await call.ResponseStream.MoveNext(Cancellation));
            await Task.Delay(TimeSpan.FromSeconds(6), Cancellation);
        }
    }

    [Fact]
    public async Task Three_hundred_calls_whose_answers_nobody_reads_take_a_bounded_memory_and_end_with_their_connections()
    {
        Requirements.Tun();

        // Some 300 KB for each answer.
        await using var daemon = await DaemonProcess.StartAsync(
            new DaemonSetup
            {
                StoredTunnels = Enumerable
                    .Range(1, 800)
                    .ToDictionary(
                        i => $"tunnel-{i}",
                        i => Configurations.Server(1 + (i % 250), ", \"TunnelDevice\": \"lo\"")
                    ),
            }
        );
        for (var i = 0; i < 5; i++)
        {
            await daemon.Channel.Tunnels.ListTunnelsAsync(new ListTunnelsRequest(), cancellationToken: Cancellation);
        }

        var before = daemon.ResidentKilobytes;
        var clients = new List<RawHttp2>();
        try
        {
            for (var i = 0; i < 3; i++)
            {
                clients.Add(await RawHttp2.ConnectAsync(daemon.SocketPath, 0, Cancellation));
                for (var j = 0; j < 100; j++)
                {
                    await clients[^1].CallAsync(Tunnels + "ListTunnels", 0, [], ends: true, Cancellation);
                }
            }

            for (var i = 0; i < 8; i++)
            {
                await Task.Delay(500, Cancellation);
                Assert.InRange(daemon.ResidentKilobytes - before, long.MinValue, MaxGrowthKilobytes);
                await daemon.Channel.Daemon.GetDaemonAsync(new GetDaemonRequest(), cancellationToken: Cancellation);
            }

            Assert.Equal(
                800,
                (
                    await daemon.Channel.Tunnels.ListTunnelsAsync(
                        new ListTunnelsRequest(),
                        cancellationToken: Cancellation
                    )
                )
                    .Tunnels
                    .Count
            );
            foreach (var client in clients)
            {
                // No answer ends, so it is the connection.
                Assert.False(await client.EndsAsync(int.MaxValue, Patience));
            }
        }
        finally
        {
            clients.ForEach(c => c.Dispose());
        }
    }

    /// <remarks>
    /// The caller is another user, through a socket that lets everybody in; HTTP/2 by hand, with literal headers.
    /// </remarks>
    [Fact]
    public async Task A_call_that_is_denied_is_answered_before_its_message_is_read_and_bounded_in_the_log()
    {
        Requirements.Root();
        Requirements.Program("/usr/bin/python3", "python3");
        await using var daemon = await DaemonProcess.StartAsync(
            new DaemonSetup { OperateGroup = Roles.OpenDaemonFixture.Operators }
        );
        Roles.OpenDaemonFixture.LetEverybodyIn(daemon);
        const string Script = """
            import socket, struct, sys
            def frame(kind, flags, stream, body): return struct.pack(">I", len(body))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + body
            def field(name, value): return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value
            s = socket.socket(socket.AF_UNIX); s.settimeout(30); s.connect(sys.argv[1])
            head = b"".join(field(*f) for f in [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/udptunnel.v1.TunnelService/StartTunnel"),
                (b":authority", b"x"), (b"content-type", b"application/grpc"), (b"te", b"trailers")])
            s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b""))
            buffer, answered = b"", 0
            for i in range(200):
                s.sendall(frame(1, 4, 2 * i + 1, head) + frame(0, 0, 2 * i + 1, b"\0" + struct.pack(">I", 2000000) + b"x" * 100))
                ended = False
                while not ended:
                    while len(buffer) < 9 or len(buffer) < 9 + int.from_bytes(buffer[:3], "big"): buffer += s.recv(65536)
                    n = int.from_bytes(buffer[:3], "big")
                    ended = buffer[3] == 1 and buffer[4] & 1 and int.from_bytes(buffer[5:9], "big") == 2 * i + 1
                    buffer = buffer[9 + n:]
                answered += 1
            print(answered)
            """;

        var (exitCode, output, errors) = await ChildProcess.RunAsync([
            .. AnotherUser.Command(47_001, 47_002),
            "/usr/bin/python3",
            "-c",
            Script,
            daemon.SocketPath,
        ]);

        Assert.True(exitCode == 0, errors);
        Assert.Equal("200\n", output);
        Assert.InRange(
            daemon.Process.Errors.Split('\n').Count(l => l.Contains("denied to uid 47001", StringComparison.Ordinal)),
            1,
            25
        );
    }

    [Fact]
    public async Task One_user_who_opens_all_connections_that_it_gets_keeps_nobody_else_out()
    {
        Requirements.Root();
        Requirements.Program("/usr/bin/python3", "python3");
        await using var daemon = await DaemonProcess.StartAsync(
            new DaemonSetup { OperateGroup = Roles.OpenDaemonFixture.Operators }
        );
        Roles.OpenDaemonFixture.LetEverybodyIn(daemon);
        const string Script = """
            import select, socket, sys, time
            held = []
            for i in range(600):
                s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); held.append(s)
            time.sleep(2)
            print(len(held) - len(select.select(held, [], [], 0)[0]), flush=True)
            time.sleep(60)
            """;
        await using var holder = ChildProcess.Start([
            .. AnotherUser.Command(47_001, 47_002),
            "/usr/bin/python3",
            "-c",
            Script,
            daemon.SocketPath,
        ]);
        await Eventually.BecomesTrueAsync(
            () => daemon.Process.Errors.Contains("connections to the control socket", StringComparison.Ordinal),
            () => daemon.Process.Errors
        );

        using var another = new ControlChannel(daemon.SocketPath);
        Assert.Equal(
            Role.Operate,
            (await another.Daemon.WhoAmIAsync(new WhoAmIRequest(), cancellationToken: Cancellation)).Role
        );
        var (exitCode, _, errors) = await ChildProcess.RunAsync([
            .. AnotherUser.Command(47_003, 47_004),
            "/usr/bin/python3",
            "-c",
            "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); "
                + "s.sendall(b'PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n' + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])); s.settimeout(5); assert len(s.recv(9)) == 9",
            daemon.SocketPath,
        ]);
        Assert.True(exitCode == 0, errors);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task One_user_of_the_host_cannot_hold_all_connections_to_the_metrics(bool isIpv6)
    {
        Requirements.Root();
        Requirements.Program("/usr/bin/python3", "python3");
        var address = isIpv6 ? "::1" : "127.0.0.1";
        await using var daemon = await DaemonProcess.StartAsync(
            new DaemonSetup { Options = ["--metrics", isIpv6 ? "[::1]:19586" : "127.0.0.1:19586"] }
        );
        const string Script = """
            import os, socket, sys, time
            def connect():
                s = socket.create_connection((sys.argv[1], 19586)); s.settimeout(2); return s
            def scrapes():
                try:
                    s = connect(); s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    return s.recv(65536).startswith(b"HTTP/1.1 200")
                except OSError:
                    return False
            os.setgid(47002); os.setuid(47001)
            held = [connect() for i in range(100)]
            time.sleep(1)
            sys.stdout.write(f"{scrapes()}\n"); sys.stdout.flush()
            time.sleep(60)
            """;
        var other = Script
            .Replace(
                "os.setgid(47002); os.setuid(47001)",
                "os.setgid(47004); os.setuid(47003)",
                StringComparison.Ordinal
            )
            .Replace("range(100)", "range(0)", StringComparison.Ordinal)
            .Replace("time.sleep(60)", "", StringComparison.Ordinal);
        await using var holder = ChildProcess.Start([.. Namespaced("/usr/bin/python3", "-c", Script, address)]);
        await Task.Delay(TimeSpan.FromSeconds(2.5), Cancellation);

        var (exitCode, output, errors) = await ChildProcess.RunAsync([
            .. Namespaced("/usr/bin/python3", "-c", other, address),
        ]);

        Assert.True(exitCode == 0, errors);
        Assert.Equal("True\n", output);

        string[] Namespaced(params string[] command) =>
            ["/usr/bin/nsenter", "--net", $"--target={daemon.Process.Id}", .. command];
    }
}
