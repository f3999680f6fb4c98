using System.Collections.Concurrent;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Tests.Protos;

namespace Grpc.Tests;

/// <summary>Interceptors on the client's side.</summary>
public sealed class ClientInterceptorTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_client_interceptor_sees_every_kind_of_call()
    {
        await using var server = await EchoServer.StartAsync();
        var log = new ConcurrentQueue<string>();
        var client = new Echo.EchoClient(server.Channel.Intercept(new RecordingInterceptor("a", log)));

        await EveryKindOfCall.MakeAsync(client, Token);

        Assert.Equal(
            [
                "a Unary /grpctests.v1.Echo/Say",
                "a Unary /grpctests.v1.Echo/Say",
                "a ClientStreaming /grpctests.v1.Echo/Collect",
                "a ServerStreaming /grpctests.v1.Echo/Repeat",
                "a DuplexStreaming /grpctests.v1.Echo/Chat",
            ],
            log);
    }

    [Fact]
    public async Task The_first_of_several_client_interceptors_sees_the_call_first()
    {
        await using var server = await EchoServer.StartAsync();
        var log = new ConcurrentQueue<string>();
        var invoker = server.Channel.Intercept(
            new RecordingInterceptor("a", log), new RecordingInterceptor("b", log), new RecordingInterceptor("c", log));

        await new Echo.EchoClient(invoker).SayAsync(new EchoRequest(), cancellationToken: Token);

        Assert.Equal(["a", "b", "c"], log.Select(line => line[..1]));
        Assert.Equal("a, b, c", server.Service.LastHeaders.GetValue("seen-by"));
    }

    [Fact]
    public async Task A_function_over_the_headers_changes_what_the_server_gets()
    {
        await using var server = await EchoServer.StartAsync();
        var client = new Echo.EchoClient(server.Channel.Intercept(headers => [.. headers, new("added", "yes")]));

        await client.SayAsync(new EchoRequest(), new Metadata { { "own", "1" } }, cancellationToken: Token);

        Assert.Equal("yes", server.Service.LastHeaders.GetValue("added"));
        Assert.Equal("1", server.Service.LastHeaders.GetValue("own"));
    }

    [Fact]
    public async Task A_client_interceptor_can_change_single_responses()
    {
        await using var server = await EchoServer.StartAsync();
        var client = new Echo.EchoClient(server.Channel.Intercept(new ShoutingInterceptor()));

        using var unary = client.SayAsync(new EchoRequest { Text = "hello" }, cancellationToken: Token);
        Assert.Equal("HELLO", (await unary.ConfigureAwait(true)).Text);
        Assert.Equal("hello", (await unary.ResponseHeadersAsync).GetValue("said"));
        Assert.Equal(StatusCode.OK, unary.GetStatus().StatusCode);
        Assert.NotNull(unary.GetTrailers().Get("method"));

        using var collect = client.Collect(cancellationToken: Token);
        await collect.RequestStream.WriteAsync(new EchoRequest { Text = "x" }, Token);
        await collect.RequestStream.CompleteAsync();
        Assert.Equal("X", (await collect).Text);
        Assert.Equal(StatusCode.OK, collect.GetStatus().StatusCode);
    }

    [Fact]
    public async Task A_client_interceptor_can_change_streams_of_responses()
    {
        await using var server = await EchoServer.StartAsync();
        var client = new Echo.EchoClient(server.Channel.Intercept(new ShoutingInterceptor()));

        using var repeat = client.Repeat(new EchoRequest { Text = "x", Times = 3 }, cancellationToken: Token);
        var texts = await repeat.ResponseStream.ReadAllAsync(Token).Select(reply => reply.Text).ToListAsync(Token);
        Assert.Equal(["X0", "X1", "X2"], texts);
        Assert.Equal("3", repeat.GetTrailers().GetValue("count"));

        using var chat = client.Chat(cancellationToken: Token);
        await chat.RequestStream.WriteAsync(new EchoRequest { Text = "y" }, Token);
        Assert.True(await chat.ResponseStream.MoveNext());
        Assert.Equal("RE: Y", chat.ResponseStream.Current.Text);
        await chat.RequestStream.CompleteAsync();
        Assert.False(await chat.ResponseStream.MoveNext());
        Assert.Equal(StatusCode.OK, chat.GetStatus().StatusCode);
    }

    [Fact]
    public async Task A_client_with_a_host_of_its_own_makes_the_same_calls()
    {
        await using var server = await EchoServer.StartAsync();

        await EveryKindOfCall.MakeAsync(server.Client.WithHost("elsewhere"), Token);
    }
}
