using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Tests.Protos;

namespace Grpc.Tests;

/// <summary>How calls that fail look to the client.</summary>
public sealed class ErrorTests
{
    private const int FiveMegabytes = 5 * 1024 * 1024;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(StatusCode.NotFound)]
    [InlineData(StatusCode.PermissionDenied)]
    [InlineData(StatusCode.Unauthenticated)]
    public async Task An_RpcException_arrives_with_its_status_and_its_trailers(StatusCode code)
    {
        await using var server = await EchoServer.StartAsync();
        var request = new FailRequest { StatusCode = (int)code, Detail = "no tunnel 'ä' 100%" };

        var error = await Assert.ThrowsAsync<RpcException>(
            () => server.Client.FailAsync(request, cancellationToken: Token).ResponseAsync);

        Assert.Equal(code, error.StatusCode);
        Assert.Equal("no tunnel 'ä' 100%", error.Status.Detail);
        Assert.Equal("asked for", error.Trailers.GetValue("reason"));
        Assert.Equal([9, 8, 7], error.Trailers.GetValueBytes("reason-bin"));
    }

    [Fact]
    public async Task A_blocking_call_throws_the_same_RpcException()
    {
        await using var server = await EchoServer.StartAsync();
        var request = new FailRequest { StatusCode = (int)StatusCode.Aborted, Detail = "stop" };

        var error = Assert.Throws<RpcException>(() => server.Client.Fail(request, cancellationToken: Token));

        Assert.Equal(StatusCode.Aborted, error.StatusCode);
        Assert.Equal("asked for", error.Trailers.GetValue("reason"));
    }

    [Fact]
    public async Task An_unhandled_exception_is_Unknown_and_keeps_its_message_to_itself()
    {
        await using var server = await EchoServer.StartAsync();

        var error = await Assert.ThrowsAsync<RpcException>(
            () => server.Client.CrashAsync(new EchoRequest { Text = "x" }, cancellationToken: Token).ResponseAsync);

        Assert.Equal(StatusCode.Unknown, error.StatusCode);
        Assert.DoesNotContain("secret", error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_of_5_MB_is_refused_by_the_server_with_ResourceExhausted()
    {
        await using var server = await EchoServer.StartAsync();
        var request = new EchoRequest { Payload = Google.Protobuf.ByteString.CopyFrom(new byte[FiveMegabytes]) };

        var error = await Assert.ThrowsAsync<RpcException>(
            () => server.Client.SayAsync(request, cancellationToken: Token).ResponseAsync);

        Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
    }

    [Fact]
    public async Task A_response_of_5_MB_is_refused_by_the_client_with_ResourceExhausted()
    {
        await using var server = await EchoServer.StartAsync(options => options.MaxReceiveMessageSize = null);
        using var call = server.Client.Collect(cancellationToken: Token);

        await call.RequestStream.WriteAsync(new EchoRequest { Text = new string('x', FiveMegabytes) }, Token);
        await call.RequestStream.CompleteAsync();

        var error = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync);
        Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
    }

    [Fact]
    public async Task Messages_of_5_MB_pass_when_both_sides_allow_them()
    {
        await using var server = await EchoServer.StartAsync(options => options.MaxReceiveMessageSize = null);
        var client = new Echo.EchoClient(server.Connect(options => options.MaxReceiveMessageSize = null));
        using var call = client.Collect(cancellationToken: Token);

        await call.RequestStream.WriteAsync(new EchoRequest { Text = new string('x', FiveMegabytes) }, Token);
        await call.RequestStream.CompleteAsync();

        Assert.Equal(FiveMegabytes, (await call).Text.Length);
    }

    [Fact]
    public async Task Without_a_server_the_call_is_Unavailable()
    {
        var directory = Directory.CreateTempSubdirectory("grpc-tests-");
        try
        {
            using var handler = EchoServer.HandlerFor(Path.Combine(directory.FullName, "absent.sock"));
            using var channel = GrpcChannel.ForAddress(
                "http://localhost", new GrpcChannelOptions { HttpHandler = handler });

            var error = await Assert.ThrowsAsync<RpcException>(() => new Echo.EchoClient(channel)
                .SayAsync(new EchoRequest(), cancellationToken: Token).ResponseAsync);

            Assert.Equal(StatusCode.Unavailable, error.StatusCode);
            Assert.IsType<HttpRequestException>(error.Status.DebugException);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
