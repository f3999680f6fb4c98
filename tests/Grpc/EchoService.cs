using Grpc.Core;
using Grpc.Tests.Protos;

namespace Grpc.Tests;

/// <summary>The server's side of echo.proto, one object per server so that a test can look into it.</summary>
internal sealed class EchoService : Echo.EchoBase
{
    private readonly TaskCompletionSource _waiting = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends when a call of <see cref="Wait"/> has reached the server.</summary>
    public Task Waiting => _waiting.Task;

    /// <summary>Ends when the server's token of a call of <see cref="Wait"/> has fired.</summary>
    public Task Cancelled => _cancelled.Task;

    /// <summary>The request headers of the last call of <see cref="Say"/>.</summary>
    public Metadata LastHeaders { get; private set; } = Metadata.Empty;

    /// <summary>The HTTP request header of that call that Grpc.AspNetCore.Server keeps to itself.</summary>
    public string? LastEncoding { get; private set; }

    public override async Task<EchoReply> Say(EchoRequest request, ServerCallContext context)
    {
        LastHeaders = context.RequestHeaders;
        LastEncoding = context.GetHttpContext().Request.Headers["grpc-encoding"];
        await context.WriteResponseHeadersAsync(
            new Metadata { { "said", request.Text }, { "said-bin", [0, 255, 10, 13] } });
        context.ResponseTrailers.Add("method", context.Method);
        context.ResponseTrailers.Add("trail-bin", [1, 2, 3, 254]);
        return new EchoReply { Text = request.Text, PayloadSize = request.Payload.Length };
    }

    public override async Task<EchoReply> Collect(
        IAsyncStreamReader<EchoRequest> requestStream, ServerCallContext context)
    {
        var texts = new List<string>();
        while (await requestStream.MoveNext())
        {
            texts.Add(requestStream.Current.Text);
        }

        return new EchoReply { Text = string.Join(',', texts) };
    }

    public override async Task Repeat(
        EchoRequest request, IServerStreamWriter<EchoReply> responseStream, ServerCallContext context)
    {
        for (var i = 0; i < request.Times; i++)
        {
            await responseStream.WriteAsync(new EchoReply { Text = $"{request.Text}{i}" }, context.CancellationToken);
        }

        context.ResponseTrailers.Add("count", $"{request.Times}");
    }

    public override async Task Chat(
        IAsyncStreamReader<EchoRequest> requestStream,
        IServerStreamWriter<EchoReply> responseStream,
        ServerCallContext context)
    {
        await foreach (var request in requestStream.ReadAllAsync(context.CancellationToken))
        {
            await responseStream.WriteAsync(new EchoReply { Text = $"re: {request.Text}" });
        }
    }

    public override Task<EchoReply> Fail(FailRequest request, ServerCallContext context)
    {
        var trailers = new Metadata { { "reason", "asked for" }, { "reason-bin", [9, 8, 7] } };
        throw new RpcException(new Status((StatusCode)request.StatusCode, request.Detail), trailers);
    }

    public override Task<EchoReply> Crash(EchoRequest request, ServerCallContext context) =>
        throw new InvalidOperationException($"secret: {request.Text}");

    public override async Task<EchoReply> Wait(EchoRequest request, ServerCallContext context)
    {
        using var registration = context.CancellationToken.Register(_cancelled.SetResult);
        _waiting.TrySetResult();
        await _cancelled.Task;
        throw new OperationCanceledException(context.CancellationToken);
    }
}
