// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using UdpTunnel.Tests.Api.Daemon;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Api;

/// <summary>
/// Every method with what no honest client sends in every field: found by the descriptors, so that a new method is
/// among them.
/// </summary>
public sealed class EveryRequestTests(DaemonFixture fixture) : IClassFixture<DaemonFixture>
{
    private const long MaxGrowthKilobytes = 128 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static readonly string[] Texts =
    [
        "../../../etc/passwd",
        "a\nb\r\u001b[2J\u001b]0;owned\u0007",
        "a\0b",
        "\u202Eevil",
        "-rf",
        "{",
        "[]",
        "null",
        """{"Relay": "sender"}""",
        """{"TunnelAddress": "10.99.1.1", "NetworkAddress": ":1", "AllowedPorts": [70000], "Relay": "receiver"}""",
        "SHA256:",
        "SHA256:" + new string('A', 43),
        new string('[', 900_000),
        new string('x', 1_900_000),
    ];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> Methods { get; } =
    [
        .. ServiceDescriptors
            .All.Where(s => s.File.Package == "udptunnel.v1")
            .SelectMany(s => s.Methods)
            .Select(m => m.FullName),
    ];

    [Theory]
    [MemberData(nameof(Methods))]
    public async Task Whatever_stands_in_a_request_is_answered_with_a_reason_and_leaves_nothing(string name)
    {
        var method = ServiceDescriptors.All.SelectMany(s => s.Methods).Single(m => m.FullName == name);
        var before = fixture.Daemon.ResidentKilobytes;
        foreach (var request in Requests(method.InputType))
        {
            await CallAsync(method, request.ToByteArray());
        }

        Assert.InRange(fixture.Daemon.ResidentKilobytes - before, long.MinValue, MaxGrowthKilobytes);
        Assert.Empty(
            (
                await fixture.Channel.Tunnels.ListTunnelsAsync(
                    new ListTunnelsRequest(),
                    cancellationToken: Cancellation
                )
            ).Tunnels
        );
        Assert.Empty(
            (
                await fixture.Channel.Relays.ListRelaysAsync(new ListRelaysRequest(), cancellationToken: Cancellation)
            ).Relays
        );
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(fixture.Daemon.StateDirectory, "tunnels")));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(fixture.Daemon.StateDirectory, "relays")));
        Assert.DoesNotContain(fixture.Daemon.Process.Errors, c => char.IsControl(c) && c != '\n');
    }

    /// <summary>Each field alone with each bad value, and all fields at once.</summary>
    private static IEnumerable<IMessage> Requests(MessageDescriptor type)
    {
        var fields = type.Fields.InDeclarationOrder();
        foreach (var field in fields)
        {
            foreach (var value in Values(field))
            {
                yield return With(type, (field, value));
            }
        }

        for (var i = 0; i < Texts.Length - 2 && fields.Count > 1; i++)
        {
            yield return With(type, [.. fields.Select(f => (f, Values(f).ElementAt(i % Values(f).Count())))]);
        }
    }

    private static IMessage With(MessageDescriptor type, params (FieldDescriptor Field, object Value)[] values)
    {
        var message = type.Parser.ParseFrom(ByteString.Empty);
        foreach (var (field, value) in values)
        {
            if (!field.IsRepeated)
            {
                field.Accessor.SetValue(message, value);
                continue;
            }

            var list = (System.Collections.IList)field.Accessor.GetValue(message);
            foreach (var item in (object[])value)
            {
                list.Add(item);
            }
        }

        return message;
    }

    private static IEnumerable<object> Values(FieldDescriptor field)
    {
        var single = Singles(field);
        return field.IsRepeated
            ?
            [
                single.ToArray(),
                Enumerable.Repeat(single.First(), 10_000).ToArray(),
                Enumerable.Repeat(single.Last(), field.FieldType == FieldType.String ? 1 : 100_000).ToArray(),
            ]
            : single;
    }

    private static IEnumerable<object> Singles(FieldDescriptor field) =>
        field.FieldType switch
        {
            FieldType.String => Texts,
            FieldType.Bool => [true],
            FieldType.UInt32 => [0u, 65_536u, uint.MaxValue],
            FieldType.UInt64 => [0ul, ulong.MaxValue],
            FieldType.Enum => [0, 1, 99, -1, int.MaxValue],
            FieldType.Message when field.MessageType == PortRange.Descriptor =>
            [
                new PortRange(),
                new PortRange { First = 2, Last = 1 },
                new PortRange { First = uint.MaxValue, Last = uint.MaxValue },
            ],
            FieldType.Message when field.MessageType == Duration.Descriptor =>
            [
                new Duration(),
                new Duration { Seconds = -1 },
                new Duration { Seconds = long.MaxValue },
                new Duration { Nanos = int.MinValue },
            ],
            _ => throw new NotSupportedException($"no bad values for {field.FullName}: add some"),
        };

    /// <summary>Whatever comes is an answer, or a status with a reason and a message on one line.</summary>
    private async Task CallAsync(MethodDescriptor method, byte[] request)
    {
        var options = new CallOptions(deadline: DateTime.UtcNow + Patience, cancellationToken: Cancellation);
        try
        {
            if (method.IsServerStreaming)
            {
                using var call = fixture.Channel.Invoker.AsyncServerStreamingCall(
                    RawMethod.Of(MethodType.ServerStreaming, method.Service.FullName, method.Name),
                    null,
                    options,
                    request
                );
                await call.ResponseStream.MoveNext(Cancellation);
            }
            else
            {
                await fixture.Channel.Invoker.AsyncUnaryCall(
                    RawMethod.Of(MethodType.Unary, method.Service.FullName, method.Name),
                    null,
                    options,
                    request
                );
            }
        }
        catch (RpcException e)
        {
            var failure = Failure.Of(e);
            Assert.True(
                failure.Reason.Length > 0 || failure.Code == StatusCode.ResourceExhausted,
                $"{method.Name} answers {failure.Code} without a reason: {failure.Message}"
            );
            Assert.NotEqual(StatusCode.Internal, failure.Code);
            Assert.DoesNotContain(failure.Message, char.IsControl);
            Assert.InRange(failure.Message.Length, 1, 1000);
        }
    }
}
