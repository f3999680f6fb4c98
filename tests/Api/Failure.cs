// SPDX-License-Identifier: BSD-3-Clause

using Google.Rpc;
using Grpc.Core;
using UdpTunnel.V1;
using Status = Google.Rpc.Status;

namespace UdpTunnel.Tests.Api;

/// <summary>What a failed call ends with, read as protos/udptunnel/v1/error.proto describes it.</summary>
/// <param name="Code">The gRPC status.</param>
/// <param name="Message">Its message.</param>
/// <param name="Reason">ErrorInfo's reason; empty if the call carries no details.</param>
/// <param name="Diagnostics">What is wrong with a configuration.</param>
internal sealed record Failure(StatusCode Code, string Message, string Reason, IReadOnlyList<Diagnostic> Diagnostics)
{
    private const string DetailsTrailer = "grpc-status-details-bin";
    private const string ReasonTrailer = "udptunnel-reason";

    /// <summary>The failure of a call that must fail.</summary>
    public static async Task<Failure> OfAsync<T>(AsyncUnaryCall<T> call) =>
        Of(await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync));

    /// <summary>The failure of a stream that must fail before its first message.</summary>
    public static async Task<Failure> OfAsync<T>(AsyncServerStreamingCall<T> call)
    {
        using (call)
        {
            return Of(
                await Assert.ThrowsAsync<RpcException>(() =>
                    call.ResponseStream.MoveNext(TestContext.Current.CancellationToken)
                )
            );
        }
    }

    /// <summary>Reads a failure.</summary>
    public static Failure Of(RpcException exception)
    {
        var bytes = exception.Trailers.GetValueBytes(DetailsTrailer);
        if (bytes is null)
        {
            return new Failure(exception.StatusCode, exception.Status.Detail, "", []);
        }

        // The details repeat status and message, for clients that know only them.
        var details = Status.Parser.ParseFrom(bytes);
        Assert.Equal((int)exception.StatusCode, details.Code);
        Assert.Equal(exception.Status.Detail, details.Message);
        var info = Assert.Single(details.Details, d => d.Is(ErrorInfo.Descriptor)).Unpack<ErrorInfo>();
        Assert.Equal("udptunnel", info.Domain);
        Assert.Equal(info.Reason, exception.Trailers.GetValue(ReasonTrailer));
        return new Failure(
            exception.StatusCode,
            exception.Status.Detail,
            info.Reason,
            [.. details.Details.Where(d => d.Is(Diagnostic.Descriptor)).Select(d => d.Unpack<Diagnostic>())]
        );
    }

    /// <summary>Asserts status and reason, and that the message is one printable line.</summary>
    public Failure Is(StatusCode code, string reason)
    {
        Assert.Equal((code, reason), (Code, Reason));
        Assert.NotEmpty(Message);
        Assert.DoesNotContain(Message, char.IsControl);
        return this;
    }
}
