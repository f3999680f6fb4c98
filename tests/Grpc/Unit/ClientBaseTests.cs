using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Tests.Protos;

namespace Grpc.Tests.Unit;

/// <summary>What generated clients inherit, without a server.</summary>
public sealed class ClientBaseTests
{
    [Fact]
    public async Task A_test_double_answers_with_a_call_that_it_made_itself()
    {
        using var call = new Double().SayAsync(new EchoRequest { Text = "x" }, default(CallOptions));

        Assert.Equal("double x", (await call).Text);
        Assert.Empty(await call.ResponseHeadersAsync);
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
        Assert.Empty(call.GetTrailers());
    }

    [Fact]
    public void A_test_double_cannot_make_a_real_call()
    {
        Assert.Throws<InvalidOperationException>(() => new Double().Say(new EchoRequest(), default(CallOptions)));
        Assert.Throws<InvalidOperationException>(() => new Double().WithHost("elsewhere"));
    }

    [Fact]
    public void The_host_of_a_client_reaches_the_invoker_and_an_interceptor()
    {
        var client = new Echo.EchoClient(new HostInvoker());

        Assert.Equal("host=", Say(client));
        Assert.Equal("host=elsewhere", Say(client.WithHost("elsewhere")));
        Assert.Equal("host=second", Say(client.WithHost("first").WithHost("second")));

        static string Say(Echo.EchoClient client) => client.Say(new EchoRequest(), default(CallOptions)).Text;
    }

    [Fact]
    public void A_client_needs_a_channel_or_an_invoker()
    {
        Assert.Throws<ArgumentNullException>(() => new Echo.EchoClient((ChannelBase)null!));
        Assert.Throws<ArgumentNullException>(() => new Echo.EchoClient((CallInvoker)null!));
    }

    [Fact]
    public void Interceptors_must_not_be_null()
    {
        var invoker = new HostInvoker();

        Assert.Throws<ArgumentNullException>(() => invoker.Intercept((Interceptor)null!));
        Assert.Throws<ArgumentNullException>(() => invoker.Intercept((Interceptor[])null!));
        Assert.Throws<ArgumentNullException>(() => invoker.Intercept((Func<Metadata, Metadata>)null!));
        Assert.Throws<ArgumentNullException>(() => ((CallInvoker)null!).Intercept(headers => headers));
    }

    private sealed class Double : Echo.EchoClient
    {
        public override AsyncUnaryCall<EchoReply> SayAsync(EchoRequest request, CallOptions options) => new(
            Task.FromResult(new EchoReply { Text = $"double {request.Text}" }),
            Task.FromResult(new Metadata()),
            () => Status.DefaultSuccess,
            () => [],
            () => { });
    }

    private sealed class HostInvoker : CallInvoker
    {
        public override TResponse BlockingUnaryCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
            (TResponse)(object)new EchoReply { Text = $"host={host}" };

        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
            throw new NotSupportedException();

        public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
            throw new NotSupportedException();

        public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options) =>
            throw new NotSupportedException();

        public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options) =>
            throw new NotSupportedException();
    }
}
