using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Tests.Protos;

namespace Grpc.Tests;

/// <summary>Credentials of calls and channels.</summary>
public sealed class CredentialTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_credentials_of_a_call_add_their_headers()
    {
        await using var server = await EchoServer.StartAsync();
        var channel = server.Connect(options => options.UnsafeUseInsecureChannelCallCredentials = true);
        AuthInterceptorContext? asked = null;
        var credentials = CallCredentials.FromInterceptor((context, metadata) =>
        {
            asked = context;
            metadata.Add("authorization", "Bearer t0ken");
            return Task.CompletedTask;
        });

        await new Echo.EchoClient(channel).SayAsync(
            new EchoRequest(), new CallOptions(cancellationToken: Token, credentials: credentials));

        Assert.Equal("Bearer t0ken", server.Service.LastHeaders.GetValue("authorization"));
        Assert.Equal("Say", asked?.MethodName);
        Assert.Equal("http://localhost/grpctests.v1.Echo", asked?.ServiceUrl);
    }

    [Fact]
    public async Task Composed_credentials_add_all_their_headers_in_order()
    {
        await using var server = await EchoServer.StartAsync();
        var channel = server.Connect(options => options.UnsafeUseInsecureChannelCallCredentials = true);
        var options = new CallOptions(cancellationToken: Token)
            .WithCredentials(CallCredentials.Compose(Adding("1"), CallCredentials.Compose(Adding("2"), Adding("3"))));

        await new Echo.EchoClient(channel).SayAsync(new EchoRequest(), options);

        Assert.Equal("1, 2, 3", server.Service.LastHeaders.GetValue("proof"));
    }

    [Fact]
    public async Task A_channel_with_explicitly_no_security_works()
    {
        await using var server = await EchoServer.StartAsync();
        var channel = server.Connect(options => options.Credentials = ChannelCredentials.Insecure);

        Assert.Equal("x", (await new Echo.EchoClient(channel).SayAsync(
            new EchoRequest { Text = "x" }, cancellationToken: Token)).Text);
    }

    [Fact]
    public void A_channel_takes_TLS_and_credentials_for_every_call_together()
    {
        var credentials = ChannelCredentials.Create(ChannelCredentials.SecureSsl, Adding("1"));

        using var channel = GrpcChannel.ForAddress(
            "https://localhost", new GrpcChannelOptions { Credentials = credentials });

        Assert.Equal("localhost", channel.Target);
    }

    [Fact]
    public void Credentials_that_do_not_fit_the_address_are_refused() =>
        Assert.Throws<InvalidOperationException>(() => GrpcChannel.ForAddress(
            "http://localhost", new GrpcChannelOptions { Credentials = ChannelCredentials.SecureSsl }));

    [Fact]
    public async Task Without_TLS_the_credentials_of_a_channel_are_sent_only_if_that_is_asked_for()
    {
        await using var server = await EchoServer.StartAsync();
        var credentials = ChannelCredentials.Create(ChannelCredentials.Insecure, Adding("1"));

        Assert.Throws<InvalidOperationException>(() => server.Connect(options => options.Credentials = credentials));

        var channel = server.Connect(options =>
        {
            options.Credentials = credentials;
            options.UnsafeUseInsecureChannelCallCredentials = true;
        });
        await new Echo.EchoClient(channel).SayAsync(new EchoRequest(), cancellationToken: Token);
        Assert.Equal("1", server.Service.LastHeaders.GetValue("proof"));
    }

    [Fact]
    public void One_credential_alone_cannot_be_composed() =>
        Assert.Throws<ArgumentException>(() => CallCredentials.Compose(Adding("1")));

    private static CallCredentials Adding(string proof) => CallCredentials.FromInterceptor((_, metadata) =>
    {
        metadata.Add("proof", proof);
        return Task.CompletedTask;
    });
}
