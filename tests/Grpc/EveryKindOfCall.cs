using Grpc.Core;
using Grpc.Tests.Protos;

namespace Grpc.Tests;

/// <summary>One call of each kind, for tests of what stands in the way of calls.</summary>
internal static class EveryKindOfCall
{
    /// <summary>
    /// Makes a blocking unary call, a unary, a client-streaming, a server-streaming and a duplex one.
    /// </summary>
    public static async Task MakeAsync(Echo.EchoClient client, CancellationToken cancellationToken)
    {
        var request = new EchoRequest { Text = "x", Times = 1 };
        Assert.Equal("x", client.Say(request, cancellationToken: cancellationToken).Text);
        Assert.Equal("x", (await client.SayAsync(request, cancellationToken: cancellationToken)).Text);

        using var collect = client.Collect(cancellationToken: cancellationToken);
        await collect.RequestStream.WriteAsync(request, cancellationToken);
        await collect.RequestStream.CompleteAsync();
        Assert.Equal("x", (await collect).Text);

        using var repeat = client.Repeat(request, cancellationToken: cancellationToken);
        var repeated = await repeat.ResponseStream.ReadAllAsync(cancellationToken).SingleAsync(cancellationToken);
        Assert.Equal("x0", repeated.Text);

        using var chat = client.Chat(cancellationToken: cancellationToken);
        await chat.RequestStream.WriteAsync(request, cancellationToken);
        await chat.RequestStream.CompleteAsync();
        var answer = await chat.ResponseStream.ReadAllAsync(cancellationToken).SingleAsync(cancellationToken);
        Assert.Equal("re: x", answer.Text);
    }
}
