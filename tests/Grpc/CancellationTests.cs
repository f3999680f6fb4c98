using Grpc.Core;
using Grpc.Tests.Protos;

namespace Grpc.Tests;

/// <summary>Calls that are broken off; each test waits for the server to notice.</summary>
public sealed class CancellationTests
{
    /// <summary>Only a hanging test takes this long, in milliseconds.</summary>
    private const int Bound = 60_000;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact(Timeout = Bound)]
    public async Task A_deadline_that_passes_ends_the_call_with_DeadlineExceeded()
    {
        await using var server = await EchoServer.StartAsync();
        await server.Client.SayAsync(new EchoRequest(), cancellationToken: Token);

        var error = await Assert.ThrowsAsync<RpcException>(() => server.Client.WaitAsync(
            new EchoRequest(), deadline: DateTime.UtcNow.AddSeconds(1), cancellationToken: Token).ResponseAsync);

        Assert.Equal(StatusCode.DeadlineExceeded, error.StatusCode);
        await server.Service.Cancelled.WaitAsync(Token);
    }

    [Fact(Timeout = Bound)]
    public async Task A_token_that_is_cancelled_ends_the_call_and_fires_the_servers_token()
    {
        await using var server = await EchoServer.StartAsync();
        using var source = CancellationTokenSource.CreateLinkedTokenSource(Token);
        using var call = server.Client.WaitAsync(new EchoRequest(), cancellationToken: source.Token);
        await server.Service.Waiting.WaitAsync(Token);

        await source.CancelAsync();

        var error = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync);
        Assert.Equal(StatusCode.Cancelled, error.StatusCode);
        await server.Service.Cancelled.WaitAsync(Token);
    }

    [Fact(Timeout = Bound)]
    public async Task Disposing_a_running_call_cancels_it_on_the_server()
    {
        await using var server = await EchoServer.StartAsync();
        var call = server.Client.WaitAsync(new EchoRequest(), cancellationToken: Token);
        await server.Service.Waiting.WaitAsync(Token);

        call.Dispose();

        await server.Service.Cancelled.WaitAsync(Token);
        var error = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync);
        Assert.Equal(StatusCode.Cancelled, error.StatusCode);
    }

    [Fact(Timeout = Bound)]
    public async Task A_stream_whose_reader_gives_up_throws_Cancelled()
    {
        await using var server = await EchoServer.StartAsync();
        using var source = CancellationTokenSource.CreateLinkedTokenSource(Token);
        using var call = server.Client.Chat(cancellationToken: Token);
        await call.RequestStream.WriteAsync(new EchoRequest { Text = "x" }, Token);
        Assert.True(await call.ResponseStream.MoveNext(source.Token));

        var next = call.ResponseStream.MoveNext(source.Token);
        await source.CancelAsync();

        var error = await Assert.ThrowsAsync<RpcException>(() => next);
        Assert.Equal(StatusCode.Cancelled, error.StatusCode);
    }
}
