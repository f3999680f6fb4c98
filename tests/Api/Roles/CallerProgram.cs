// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Json;
using Google.Protobuf.Reflection;
using Grpc.Core;
using UdpTunnel.Tests.Api.Daemon;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Api.Roles;

/// <summary>
/// This program as a caller of the daemon: calls every method of every service once, with an empty request, and prints
/// as JSON what came of each.
/// </summary>
internal static class CallerProgram
{
    /// <summary>The first argument that makes the program a caller; the second is the socket's path.</summary>
    public const string Argument = "call-every-method";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>Calls, prints, ends.</summary>
    public static async Task<int> RunAsync(string socketPath)
    {
        using var channel = new ControlChannel(socketPath);
        var outcomes = new Dictionary<string, Outcome>();
        foreach (var method in ServiceDescriptors.All.SelectMany(s => s.Methods))
        {
            outcomes[method.FullName] = await CallAsync(channel, method);
        }

        Console.WriteLine(JsonSerializer.Serialize(new Report(outcomes, await WhoAmIAsync(channel))));
        return 0;
    }

    private static async Task<Outcome> CallAsync(ControlChannel channel, MethodDescriptor method)
    {
        var options = new CallOptions(deadline: DateTime.UtcNow + Patience);
        try
        {
            if (method.IsClientStreaming)
            {
                using var call = channel.Invoker.AsyncDuplexStreamingCall(
                    Raw(MethodType.DuplexStreaming),
                    null,
                    options
                );
                var answer = call.ResponseStream.MoveNext(CancellationToken.None);
                try
                {
                    await call.RequestStream.WriteAsync([]);
                    await call.RequestStream.CompleteAsync();
                }
                catch (RpcException)
                {
                    // Refused before it was heard; the answer says why.
                }

                await answer;
            }
            else if (method.IsServerStreaming)
            {
                using var call = channel.Invoker.AsyncServerStreamingCall(
                    Raw(MethodType.ServerStreaming),
                    null,
                    options,
                    []
                );
                await call.ResponseStream.MoveNext(CancellationToken.None);
            }
            else
            {
                await channel.Invoker.AsyncUnaryCall(Raw(MethodType.Unary), null, options, []);
            }

            return new Outcome(nameof(StatusCode.OK), "");
        }
        catch (RpcException e)
        {
            return new Outcome(e.StatusCode.ToString(), Failure.Of(e).Reason);
        }

        Method<byte[], byte[]> Raw(MethodType type) => RawMethod.Of(type, method.Service.FullName, method.Name);
    }

    private static async Task<string> WhoAmIAsync(ControlChannel channel)
    {
        try
        {
            return (
                await channel.Daemon.WhoAmIAsync(new WhoAmIRequest(), deadline: DateTime.UtcNow + Patience)
            ).Role.ToString();
        }
        catch (RpcException e)
        {
            return e.StatusCode.ToString();
        }
    }

    /// <summary>What came of one call.</summary>
    /// <param name="Status">The gRPC status.</param>
    /// <param name="Reason">ErrorInfo's reason, or empty.</param>
    internal sealed record Outcome(string Status, string Reason);

    /// <summary>What came of all calls.</summary>
    /// <param name="Outcomes">By the method's full name.</param>
    /// <param name="Role">What the daemon takes the caller for.</param>
    internal sealed record Report(IReadOnlyDictionary<string, Outcome> Outcomes, string Role);
}
