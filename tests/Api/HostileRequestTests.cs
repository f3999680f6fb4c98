// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using Google.Protobuf;
using Grpc.Core;
using UdpTunnel.Tests.Api.Daemon;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Api;

/// <summary>Requests that no honest client sends. After each of them the daemon must go on as before.</summary>
public sealed class HostileRequestTests(DaemonFixture fixture) : IClassFixture<DaemonFixture>
{
    private const string TunnelService = "udptunnel.v1.TunnelService";

    /// <summary>
    /// As text, because test names show them: \n, escape sequences, an overlong name, a name of the file system.
    /// </summary>
    public static TheoryData<string> BadNames { get; } =
    [
        "../../../etc/passwd",
        "/etc/passwd",
        "a/b",
        "a\nb",
        "\u001b[2J\u001b]0;owned\u0007",
        "a\0b",
        ".",
        "..",
        "-rf",
        " ",
        "\u202Eevil",
        new string('a', 65),
        new string('x', 200_000),
    ];

    private TunnelService.TunnelServiceClient Client => fixture.Channel.Tunnels;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(BadNames))]
    public async Task A_name_that_is_none_reaches_neither_the_disk_nor_a_terminal(string name)
    {
        (
            await Failure.OfAsync(
                Client.StartTunnelAsync(
                    new StartTunnelRequest { Name = name, Configuration = Configurations.Server(1) },
                    cancellationToken: Cancellation
                )
            )
        ).Is(StatusCode.InvalidArgument, "INVALID_REQUEST");
        (
            await Failure.OfAsync(
                Client.ReloadTunnelAsync(
                    new ReloadTunnelRequest { Name = name, Configuration = Configurations.Server(1) },
                    cancellationToken: Cancellation
                )
            )
        ).Is(StatusCode.InvalidArgument, "INVALID_REQUEST");
        (
            await Failure.OfAsync(
                Client.StopTunnelAsync(new StopTunnelRequest { Name = name }, cancellationToken: Cancellation)
            )
        ).Is(StatusCode.NotFound, "NO_SUCH_TUNNEL");
        (
            await Failure.OfAsync(
                Client.UpdatePortsAsync(new UpdatePortsRequest { Name = name }, cancellationToken: Cancellation)
            )
        ).Is(StatusCode.NotFound, "NO_SUCH_TUNNEL");
        (
            await Failure.OfAsync(
                Client.ListTunnelFlowsAsync(new ListTunnelFlowsRequest { Name = name }, cancellationToken: Cancellation)
            )
        ).Is(StatusCode.NotFound, "NO_SUCH_TUNNEL");
        (
            await Failure.OfAsync(
                Client.ListTunnelsAsync(new ListTunnelsRequest { Names = { name } }, cancellationToken: Cancellation)
            )
        ).Is(StatusCode.NotFound, "NO_SUCH_TUNNEL");
        (
            await Failure.OfAsync(
                Client.WatchTunnels(new WatchTunnelsRequest { Names = { name } }, cancellationToken: Cancellation)
            )
        ).Is(StatusCode.NotFound, "NO_SUCH_TUNNEL");
        Assert.Empty(
            (
                await fixture.Channel.Events.ListEventsAsync(
                    new ListEventsRequest { Tunnel = name },
                    cancellationToken: Cancellation
                )
            ).Events
        );

        Assert.Empty(Directory.EnumerateFiles(fixture.Daemon.StateDirectory, "*", SearchOption.AllDirectories));
        Assert.DoesNotContain(fixture.Daemon.Process.Errors, c => char.IsControl(c) && c != '\n');
    }

    [Fact]
    public async Task A_configuration_s_name_that_is_none_is_a_mistake_in_it()
    {
        var failure = (
            await Failure.OfAsync(
                Client.StartTunnelAsync(
                    new StartTunnelRequest { Configuration = Configurations.Server(1, ", \"Name\": \"../x\"") },
                    cancellationToken: Cancellation
                )
            )
        ).Is(StatusCode.InvalidArgument, "INVALID_CONFIGURATION");

        Assert.Equal("Name", Assert.Single(failure.Diagnostics).Field);
    }

    [Fact]
    public async Task An_empty_name_is_missing()
    {
        (await Failure.OfAsync(Client.StopTunnelAsync(new StopTunnelRequest(), cancellationToken: Cancellation))).Is(
            StatusCode.InvalidArgument,
            "INVALID_REQUEST"
        );
        (
            await Failure.OfAsync(
                Client.ListTunnelsAsync(new ListTunnelsRequest { Names = { "" } }, cancellationToken: Cancellation)
            )
        ).Is(StatusCode.NotFound, "NO_SUCH_TUNNEL");
    }

    [Theory]
    [InlineData(10_001)]
    [InlineData(uint.MaxValue)]
    public async Task More_flows_than_an_answer_carries_cannot_be_asked_for(uint limit) =>
        (
            await Failure.OfAsync(
                Client.ListTunnelFlowsAsync(
                    new ListTunnelFlowsRequest { Name = "x", Limit = limit },
                    cancellationToken: Cancellation
                )
            )
        ).Is(StatusCode.InvalidArgument, "INVALID_REQUEST");

    [Fact]
    public async Task Ten_thousand_names_are_too_many()
    {
        string[] names = [.. Enumerable.Range(0, 10_000).Select(i => $"tunnel-{i}")];

        (
            await Failure.OfAsync(
                Client.ListTunnelsAsync(new ListTunnelsRequest { Names = { names } }, cancellationToken: Cancellation)
            )
        ).Is(StatusCode.InvalidArgument, "INVALID_REQUEST");
        (
            await Failure.OfAsync(
                Client.WatchTunnels(new WatchTunnelsRequest { Names = { names } }, cancellationToken: Cancellation)
            )
        ).Is(StatusCode.InvalidArgument, "INVALID_REQUEST");
    }

    [Fact]
    public async Task A_configuration_is_taken_up_to_2_MiB_to_the_byte()
    {
        var longest = Configurations.Server(2) + new string(' ', (2 << 20) - Configurations.Server(2).Length);

        // A relay's would be refused only after it was read; this one's name is missing, which is found at the end.
        var atBound = await Failure.OfAsync(
            Client.StartTunnelAsync(new StartTunnelRequest { Configuration = longest }, cancellationToken: Cancellation)
        );
        Assert.Equal(
            "Name",
            Assert.Single(atBound.Is(StatusCode.InvalidArgument, "INVALID_CONFIGURATION").Diagnostics).Field
        );
        var above = await Failure.OfAsync(
            Client.StartTunnelAsync(
                new StartTunnelRequest { Configuration = longest + " " },
                cancellationToken: Cancellation
            )
        );
        var diagnostic = Assert.Single(above.Is(StatusCode.InvalidArgument, "INVALID_CONFIGURATION").Diagnostics);
        Assert.Equal((0, 0, ""), (diagnostic.Line, diagnostic.Column, diagnostic.Field));
        Assert.Contains("2097153", diagnostic.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_of_3_MB_is_refused_unread()
    {
        var request = new StartTunnelRequest { Name = "big", Configuration = new string(' ', 3_000_000) };

        var failure = await Failure.OfAsync(Client.StartTunnelAsync(request, cancellationToken: Cancellation));

        // By its length, before gRPC sees the message.
        Assert.Equal((StatusCode.ResourceExhausted, "LIMIT_REACHED"), (failure.Code, failure.Reason));
        await IsServedAsync();
    }

    /// <remarks>
    /// Many clients take 8 KiB of headers and trailers at most, and lose an answer whose details are longer.
    /// </remarks>
    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(50_000)]
    public async Task An_answer_with_all_mistakes_fits_into_the_headers_that_every_client_takes(int mistakes)
    {
        var fields = string.Join(",\n", Enumerable.Range(0, mistakes).Select(i => $"\"Nonsense{i:00000}\": 1"));
        var call = Client.StartTunnelAsync(
            new StartTunnelRequest { Name = "wrong", Configuration = $"{{{fields}}}" },
            cancellationToken: Cancellation
        );

        var e = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync);

        var failure = Failure.Of(e).Is(StatusCode.InvalidArgument, "INVALID_CONFIGURATION");
        Assert.Contains(failure.Diagnostics, d => d.Field == "Nonsense00000");
        Assert.InRange(
            e.Trailers.Sum(t => t.Key.Length + (t.IsBinary ? t.ValueBytes.Length * 4 / 3 : t.Value.Length) + 32),
            1,
            8000
        );
        if (mistakes == 50_000)
        {
            // The three fields that are missing are mistakes, too.
            Assert.Contains(failure.Diagnostics, d => d.Message.Contains("50003", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task A_small_message_that_unpacks_to_a_gigabyte_takes_no_memory()
    {
        var packed = new MemoryStream();
        await using (var gzip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            var zeros = new byte[1 << 20];
            for (var i = 0; i < 1024; i++)
            {
                await gzip.WriteAsync(zeros, Cancellation);
            }
        }

        Assert.InRange(packed.Length, 1, 2_000_000);
        var before = fixture.Daemon.ResidentKilobytes;

        var status = await PostCompressedAsync(packed.ToArray());

        Assert.Equal(
            ((int)StatusCode.ResourceExhausted).ToString(System.Globalization.CultureInfo.InvariantCulture),
            status
        );
        Assert.InRange(fixture.Daemon.ResidentKilobytes - before, long.MinValue, 64 * 1024);
        await IsServedAsync();
    }

    [Fact]
    public async Task Bytes_that_are_no_message_are_refused()
    {
        var random = new Random(7);
        byte[][] requests =
        [
            [0xFF],
            [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F],
            [0x0A, 0x02, 0xC3, 0x28],
            [.. Enumerable.Repeat((byte)0x0B, 10_000)],
            .. Enumerable
                .Range(0, 100)
                .Select(_ =>
                {
                    var bytes = new byte[random.Next(1, 200)];
                    random.NextBytes(bytes);
                    return bytes;
                }),
        ];
        foreach (var request in requests)
        {
            foreach (var method in new[] { "StartTunnel", "StopTunnel", "ReloadTunnel", "UpdatePorts" })
            {
                await Assert.ThrowsAsync<RpcException>(() =>
                    fixture.Channel.Invoker.CallAsync(TunnelService, method, request).ResponseAsync
                );
            }
        }

        await IsServedAsync();
    }

    [Fact]
    public async Task Fields_that_nobody_knows_are_ignored()
    {
        byte[] unknown = [.. new ListTunnelsRequest().ToByteArray(), 0xF8, 0x7F, 0x01];

        Assert.Empty(
            ListTunnelsResponse
                .Parser.ParseFrom(await fixture.Channel.Invoker.CallAsync(TunnelService, "ListTunnels", unknown))
                .Tunnels
        );
    }

    [Theory]
    [InlineData(TunnelService, "RunCommand")]
    [InlineData("udptunnel.v2.TunnelService", "ListTunnels")]
    [InlineData("nonsense", "/../x")]
    public async Task What_there_is_not_is_unimplemented(string service, string method)
    {
        var e = await Assert.ThrowsAsync<RpcException>(() =>
            fixture.Channel.Invoker.CallAsync(service, method, []).ResponseAsync
        );

        Assert.Equal(StatusCode.Unimplemented, e.StatusCode);
    }

    private async Task IsServedAsync() =>
        await fixture.Channel.Daemon.GetDaemonAsync(
            new GetDaemonRequest(),
            deadline: DateTime.UtcNow.AddSeconds(10),
            cancellationToken: Cancellation
        );

    /// <summary>A call by hand, since the gRPC client packs messages itself.</summary>
    private async Task<string?> PostCompressedAsync(byte[] packed)
    {
        using var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectCallback = async (_, cancellation) =>
                new NetworkStream(
                    await ControlChannel.ConnectAsync(fixture.Daemon.SocketPath, cancellation),
                    ownsSocket: true
                ),
        };
        using var client = new HttpClient(handler);
        var message = new byte[5 + packed.Length];
        message[0] = 1;
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(1), packed.Length);
        packed.CopyTo(message, 5);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://localhost/{TunnelService}/StartTunnel")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(message),
        };
        request.Content.Headers.ContentType = new("application/grpc");
        request.Headers.Add("grpc-encoding", "gzip");
        request.Headers.TE.ParseAdd("trailers");
        using var response = await client.SendAsync(request, Cancellation);
        _ = await response.Content.ReadAsByteArrayAsync(Cancellation);
        return (
            response.Headers.TryGetValues("grpc-status", out var values)
            || response.TrailingHeaders.TryGetValues("grpc-status", out values)
        )
            ? values.Single()
            : null;
    }
}
