using Grpc.Core;
using Grpc.Net.Client.Configuration;
using Grpc.Tests.Protos;
using Microsoft.AspNetCore.Builder;

namespace Grpc.Tests;

/// <summary>The kinds of call over a Unix socket.</summary>
public sealed class CallTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_unary_call_returns_the_response()
    {
        await using var server = await EchoServer.StartAsync();

        var reply = await server.Client.SayAsync(new EchoRequest { Text = "hello" }, cancellationToken: Token);

        Assert.Equal("hello", reply.Text);
    }

    [Fact]
    public async Task A_blocking_unary_call_returns_the_response()
    {
        await using var server = await EchoServer.StartAsync();

        var reply = server.Client.Say(new EchoRequest { Text = "hello" }, cancellationToken: Token);

        Assert.Equal("hello", reply.Text);
    }

    [Fact]
    public async Task A_client_streaming_call_answers_all_requests_at_once()
    {
        await using var server = await EchoServer.StartAsync();
        using var call = server.Client.Collect(cancellationToken: Token);

        foreach (var text in (string[])["a", "b", "c"])
        {
            await call.RequestStream.WriteAsync(new EchoRequest { Text = text }, Token);
        }

        await call.RequestStream.CompleteAsync();

        Assert.Equal("a,b,c", (await call).Text);
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    [Fact]
    public async Task A_server_streaming_call_yields_every_response_and_then_the_trailers()
    {
        await using var server = await EchoServer.StartAsync();
        using var call = server.Client.Repeat(new EchoRequest { Text = "x", Times = 100 }, cancellationToken: Token);

        var texts = await call.ResponseStream.ReadAllAsync(Token).Select(reply => reply.Text).ToListAsync(Token);

        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"x{i}"), texts);
        Assert.Equal("100", call.GetTrailers().GetValue("count"));
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    [Fact]
    public async Task A_duplex_call_answers_each_request_before_the_next_is_sent()
    {
        await using var server = await EchoServer.StartAsync();
        using var call = server.Client.Chat(cancellationToken: Token);

        foreach (var text in (string[])["one", "two", "three"])
        {
            await call.RequestStream.WriteAsync(new EchoRequest { Text = text }, Token);
            Assert.True(await call.ResponseStream.MoveNext(Token));
            Assert.Equal($"re: {text}", call.ResponseStream.Current.Text);
        }

        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext(Token));
    }

    [Fact]
    public async Task A_method_that_the_service_does_not_have_is_Unimplemented()
    {
        await using var server = await EchoServer.StartAsync();

        var call = server.Channel.CreateCallInvoker().AsyncUnaryCall(
            TextMethod("grpctests.v1.Echo", "Absent"), null, new CallOptions(cancellationToken: Token), "x");

        var error = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync);
        Assert.Equal(StatusCode.Unimplemented, error.StatusCode);
    }

    [Fact]
    public async Task A_service_without_generated_code_is_served_from_its_definition()
    {
        var reverse = TextMethod("grpctests.v1.Text", "Reverse");
        var definition = ServerServiceDefinition.CreateBuilder()
            .AddMethod(reverse, (request, _) => Task.FromResult(new string([.. request.Reverse()])))
            .Build();
        await using var server = await EchoServer.StartAsync(map: routes => routes.MapGrpcService(definition));

        var call = server.Channel.CreateCallInvoker().AsyncUnaryCall(
            reverse, null, new CallOptions(cancellationToken: Token), "abc");

        Assert.Equal("cba", await call);
    }

    [Fact]
    public async Task A_response_that_comes_with_a_retry_is_the_only_one_the_caller_sees()
    {
        var attempts = new AttemptCounter(failures: 2);
        await using var server = await EchoServer.StartAsync(
            options => options.Interceptors.Add<UnavailableAtFirstInterceptor>(attempts));
        var retry = new MethodConfig
        {
            Names = { MethodName.Default },
            RetryPolicy = new RetryPolicy
            {
                MaxAttempts = 5,
                InitialBackoff = TimeSpan.FromMilliseconds(1),
                MaxBackoff = TimeSpan.FromMilliseconds(1),
                BackoffMultiplier = 1,
                RetryableStatusCodes = { StatusCode.Unavailable },
            },
        };
        var channel = server.Connect(
            options => options.ServiceConfig = new ServiceConfig { MethodConfigs = { retry } });

        var reply = await new Echo.EchoClient(channel).SayAsync(
            new EchoRequest { Text = "hello" }, cancellationToken: Token);

        Assert.Equal("hello", reply.Text);
        Assert.Equal(3, attempts.Seen);
    }

    private static Method<string, string> TextMethod(string service, string name) => new(
        MethodType.Unary, service, name, Marshallers.StringMarshaller, Marshallers.StringMarshaller);
}
