// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Reflection.V1;
using UdpTunnel.Tests.Api.Daemon;

namespace UdpTunnel.Tests.Api;

/// <summary>grpc.reflection.v1, and its older twin v1alpha, which clients of before 2023 know only.</summary>
public sealed class ReflectionTests(DaemonFixture fixture) : IClassFixture<DaemonFixture>
{
    private const string V1 = "grpc.reflection.v1.ServerReflection";

    public static TheoryData<string> Services { get; } = [V1, "grpc.reflection.v1alpha.ServerReflection"];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Services))]
    public async Task All_services_are_listed(string service)
    {
        var answer = await AskAsync(service, new ServerReflectionRequest { Host = "h", ListServices = "*" });

        Assert.Equal("h", answer.ValidHost);
        Assert.Equal("*", answer.OriginalRequest.ListServices);
        Assert.Equal(
            ServiceDescriptors.All.Select(s => s.FullName),
            answer.ListServicesResponse.Service.Select(s => s.Name).Order(StringComparer.Ordinal)
        );
    }

    [Theory]
    [MemberData(nameof(Services))]
    public async Task Every_service_message_and_method_is_found_with_all_that_it_needs(string service)
    {
        string[] symbols =
        [
            .. ServiceDescriptors.All.Select(s => s.FullName),
            .. ServiceDescriptors.All.SelectMany(s => s.Methods).Select(m => m.FullName),
            .. ServiceDescriptors.All.SelectMany(s => s.Methods).Select(m => m.InputType.FullName),
            "udptunnel.v1.Tunnel",
            "udptunnel.v1.DropReason",
            "udptunnel.v1.required_role",
            "grpc.health.v1.HealthCheckResponse.ServingStatus",
            "google.protobuf.Timestamp",
        ];
        foreach (var symbol in symbols)
        {
            var answer = await AskAsync(service, new ServerReflectionRequest { FileContainingSymbol = symbol });
            Assert.Contains(Build(answer), f => Declares(f, symbol));
        }
    }

    [Fact]
    public async Task Files_and_extensions_are_found()
    {
        foreach (var file in ServiceDescriptors.All.Select(s => s.File.Name).Append("google/protobuf/timestamp.proto"))
        {
            var answer = await AskAsync(V1, new ServerReflectionRequest { FileByFilename = file });
            Assert.Contains(Build(answer), f => f.Name == file);
        }

        const string Options = "google.protobuf.MethodOptions";
        var extension = await AskAsync(
            V1,
            new ServerReflectionRequest
            {
                FileContainingExtension = new ExtensionRequest { ContainingType = Options, ExtensionNumber = 50001 },
            }
        );
        Assert.Contains(Build(extension), f => f.Name == "udptunnel/v1/access.proto");
        var numbers = await AskAsync(V1, new ServerReflectionRequest { AllExtensionNumbersOfType = Options });
        Assert.Equal(Options, numbers.AllExtensionNumbersResponse.BaseTypeName);
        Assert.Equal([50001], numbers.AllExtensionNumbersResponse.ExtensionNumber);
    }

    [Fact]
    public async Task What_is_not_there_is_not_found_and_the_stream_goes_on()
    {
        using var call = fixture.Channel.Reflection.ServerReflectionInfo(cancellationToken: Cancellation);
        ServerReflectionRequest[] questions =
        [
            new() { FileContainingSymbol = "nobody" },
            new() { FileContainingSymbol = "" },
            new() { FileByFilename = "/etc/passwd" },
            new()
            {
                FileContainingExtension = new ExtensionRequest { ContainingType = "nobody", ExtensionNumber = -1 },
            },
        ];
        foreach (var question in questions)
        {
            await call.RequestStream.WriteAsync(question, Cancellation);
            Assert.True(await call.ResponseStream.MoveNext(Cancellation));
            Assert.Equal((int)StatusCode.NotFound, call.ResponseStream.Current.ErrorResponse.ErrorCode);
            Assert.Equal(question, call.ResponseStream.Current.OriginalRequest);
        }

        await call.RequestStream.WriteAsync(new ServerReflectionRequest(), Cancellation);
        Assert.True(await call.ResponseStream.MoveNext(Cancellation));
        Assert.Equal((int)StatusCode.InvalidArgument, call.ResponseStream.Current.ErrorResponse.ErrorCode);
        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext(Cancellation));
    }

    /// <summary>One question and its answer; both versions have the same messages.</summary>
    private async Task<ServerReflectionResponse> AskAsync(string service, ServerReflectionRequest question)
    {
        using var call = fixture.Channel.Invoker.AsyncDuplexStreamingCall(
            RawMethod.Of(MethodType.DuplexStreaming, service, "ServerReflectionInfo"),
            host: null,
            new CallOptions(cancellationToken: Cancellation)
        );
        await call.RequestStream.WriteAsync(question.ToByteArray(), Cancellation);
        Assert.True(await call.ResponseStream.MoveNext(Cancellation));
        var answer = ServerReflectionResponse.Parser.ParseFrom(call.ResponseStream.Current);
        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext(Cancellation));
        return answer;
    }

    /// <summary>Builds the files of an answer, which fails if one of their imports is missing.</summary>
    private static IReadOnlyList<FileDescriptor> Build(ServerReflectionResponse answer)
    {
        Assert.Null(answer.ErrorResponse);
        var files = answer.FileDescriptorResponse.FileDescriptorProto.ToDictionary(bytes =>
            FileDescriptorProto.Parser.ParseFrom(bytes).Name
        );
        var ordered = new List<ByteString>();
        foreach (var name in files.Keys)
        {
            Add(name);
        }

        return FileDescriptor.BuildFromByteStrings(ordered);

        void Add(string name)
        {
            if (!ordered.Contains(files[name]))
            {
                foreach (var import in FileDescriptorProto.Parser.ParseFrom(files[name]).Dependency)
                {
                    Add(import);
                }

                ordered.Add(files[name]);
            }
        }
    }

    private static bool Declares(FileDescriptor file, string symbol) =>
        file.Services.Any(s => s.FullName == symbol || s.Methods.Any(m => m.FullName == symbol))
        || file.MessageTypes.Any(m => m.FullName == symbol || m.EnumTypes.Any(e => e.FullName == symbol))
        || file.EnumTypes.Any(e => e.FullName == symbol)
        || file.Extensions.UnorderedExtensions.Any(e => e.FullName == symbol);
}
