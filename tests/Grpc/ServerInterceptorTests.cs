using System.Collections.Concurrent;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Tests.Protos;

namespace Grpc.Tests;

/// <summary>Interceptors on the server's side.</summary>
public sealed class ServerInterceptorTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_server_interceptor_sees_every_kind_of_call()
    {
        var log = new ConcurrentQueue<string>();
        await using var server = await EchoServer.StartAsync(
            options => options.Interceptors.Add<RecordingInterceptor>("s", log));

        await EveryKindOfCall.MakeAsync(server.Client, Token);

        Assert.Equal(
            [
                "s Unary /grpctests.v1.Echo/Say",
                "s Unary /grpctests.v1.Echo/Say",
                "s ClientStreaming /grpctests.v1.Echo/Collect",
                "s ServerStreaming /grpctests.v1.Echo/Repeat",
                "s DuplexStreaming /grpctests.v1.Echo/Chat",
            ],
            log);
    }

    [Fact]
    public async Task Server_interceptors_see_a_call_in_the_order_in_which_they_were_added()
    {
        var log = new ConcurrentQueue<string>();
        await using var server = await EchoServer.StartAsync(options =>
        {
            options.Interceptors.Add<RecordingInterceptor>("a", log);
            options.Interceptors.Add<RecordingInterceptor>("b", log);
        });

        await server.Client.SayAsync(new EchoRequest(), cancellationToken: Token);

        Assert.Equal(["a", "b"], log.Select(line => line[..1]));
    }

    [Fact]
    public async Task A_server_interceptor_can_refuse_a_call_before_the_method_runs()
    {
        await using var server = await EchoServer.StartAsync(
            options => options.Interceptors.Add<RefusingInterceptor>());

        var error = await Assert.ThrowsAsync<RpcException>(() => server.Client.SayAsync(
            new EchoRequest(), new Metadata { { "own", "1" } }, cancellationToken: Token).ResponseAsync);

        Assert.Equal(StatusCode.PermissionDenied, error.StatusCode);
        Assert.Empty(server.Service.LastHeaders);
    }

    private sealed class RefusingInterceptor : Interceptor
    {
        public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
            TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
            throw new RpcException(new Status(StatusCode.PermissionDenied, "not you"));
    }
}
