using Grpc.Core;
using Grpc.Tests.Protos;

namespace Grpc.Tests;

/// <summary>Headers and trailers over a Unix socket.</summary>
public sealed class HeaderTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    // HttpClient sends the values of one key as one line, which RFC 9110 section 5.3 calls the same thing.
    [Fact]
    public async Task Request_headers_reach_the_server_in_lower_case_and_in_order()
    {
        await using var server = await EchoServer.StartAsync();
        var headers = new Metadata { { "X-Colour", "red" }, { "x-colour", "blue" }, { "x-other", "1" } };

        await server.Client.SayAsync(new EchoRequest(), headers, cancellationToken: Token);

        Assert.Equal("red, blue", server.Service.LastHeaders.GetValue("x-colour"));
        Assert.Equal("1", server.Service.LastHeaders.GetValue("x-other"));
    }

    [Fact]
    public async Task A_binary_request_header_arrives_byte_for_byte()
    {
        await using var server = await EchoServer.StartAsync();
        byte[] value = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];

        await server.Client.SayAsync(
            new EchoRequest(), new Metadata { { "all-bin", value } }, cancellationToken: Token);

        var entry = server.Service.LastHeaders.Get("all-bin");
        Assert.True(entry?.IsBinary);
        Assert.Equal(value, entry?.ValueBytes);
    }

    [Fact]
    public async Task Response_headers_come_text_and_binary()
    {
        await using var server = await EchoServer.StartAsync();
        using var call = server.Client.SayAsync(new EchoRequest { Text = "hello" }, cancellationToken: Token);

        var headers = await call.ResponseHeadersAsync;

        Assert.Equal("hello", headers.GetValue("said"));
        Assert.Equal([0, 255, 10, 13], headers.GetValueBytes("said-bin"));
        await call;
    }

    [Fact]
    public async Task Trailers_come_with_the_end_of_the_call()
    {
        await using var server = await EchoServer.StartAsync();
        using var call = server.Client.SayAsync(new EchoRequest { Text = "hello" }, cancellationToken: Token);

        await call;

        Assert.Equal("/grpctests.v1.Echo/Say", call.GetTrailers().GetValue("method"));
        Assert.Equal([1, 2, 3, 254], call.GetTrailers().GetValueBytes("trail-bin"));
    }

    [Fact]
    public async Task The_trailers_of_a_call_that_still_runs_are_refused()
    {
        await using var server = await EchoServer.StartAsync();
        using var call = server.Client.WaitAsync(new EchoRequest(), cancellationToken: Token);

        await server.Service.Waiting.WaitAsync(Token);

        Assert.Throws<InvalidOperationException>(() => call.GetTrailers());
        Assert.Throws<InvalidOperationException>(() => call.GetStatus());
    }
}
