// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Reflection.V1;
using UdpTunnel.Access;
using UdpTunnel.Api;

namespace UdpTunnel.Tests.Api;

/// <summary>Answers of server reflection; the service around them is in the API tests.</summary>
public sealed class ReflectionAnswerTests
{
    [Fact]
    public void Host_and_question_come_back()
    {
        var question = new ServerReflectionRequest { Host = "here", ListServices = "" };

        var answer = ReflectionApi.Answer(question);

        Assert.Equal("here", answer.ValidHost);
        Assert.Equal(question, answer.OriginalRequest);
        Assert.Equal(
            MethodRoles.Services.Select(s => s.FullName),
            answer.ListServicesResponse.Service.Select(s => s.Name)
        );
    }

    [Fact]
    public void A_file_comes_with_all_that_it_imports()
    {
        foreach (var service in MethodRoles.Services)
        {
            var files = ReflectionApi
                .Answer(new ServerReflectionRequest { FileContainingSymbol = service.FullName })
                .FileDescriptorResponse.FileDescriptorProto.Select(f => FileDescriptorProto.Parser.ParseFrom(f))
                .ToList();

            Assert.Equal(service.File.Name, files[0].Name);
            Assert.Distinct(files.Select(f => f.Name));
            Assert.Subset(files.Select(f => f.Name).ToHashSet(), files.SelectMany(f => f.Dependency).ToHashSet());
        }
    }

    [Theory]
    [InlineData("udptunnel.v1.TunnelService", "udptunnel/v1/tunnel.proto")]
    [InlineData("udptunnel.v1.TunnelService.StartTunnel", "udptunnel/v1/tunnel.proto")]
    [InlineData("udptunnel.v1.Counters", "udptunnel/v1/tunnel.proto")]
    [InlineData("udptunnel.v1.Severity", "udptunnel/v1/error.proto")]
    [InlineData("udptunnel.v1.required_role", "udptunnel/v1/access.proto")]
    [InlineData("grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc/health/v1/health.proto")]
    [InlineData("google.protobuf.DescriptorProto.ExtensionRange", "google/protobuf/descriptor.proto")]
    public void A_symbol_is_found_in_its_file(string symbol, string file) =>
        Assert.Equal(
            file,
            FileDescriptorProto
                .Parser.ParseFrom(
                    ReflectionApi
                        .Answer(new ServerReflectionRequest { FileContainingSymbol = symbol })
                        .FileDescriptorResponse.FileDescriptorProto[0]
                )
                .Name
        );

    [Fact]
    public void Extensions_are_found_by_type_and_number()
    {
        const string Options = "google.protobuf.MethodOptions";

        Assert.Equal(
            [50001],
            ReflectionApi
                .Answer(new ServerReflectionRequest { AllExtensionNumbersOfType = Options })
                .AllExtensionNumbersResponse.ExtensionNumber
        );
        Assert.Empty(
            ReflectionApi
                .Answer(new ServerReflectionRequest { AllExtensionNumbersOfType = "nobody" })
                .AllExtensionNumbersResponse.ExtensionNumber
        );
        Assert.Equal(
            "udptunnel/v1/access.proto",
            FileDescriptorProto
                .Parser.ParseFrom(
                    ReflectionApi
                        .Answer(
                            new ServerReflectionRequest
                            {
                                FileContainingExtension = new ExtensionRequest
                                {
                                    ContainingType = Options,
                                    ExtensionNumber = 50001,
                                },
                            }
                        )
                        .FileDescriptorResponse.FileDescriptorProto[0]
                )
                .Name
        );
    }

    [Fact]
    public void What_is_not_there_is_an_error_and_no_exception()
    {
        ServerReflectionRequest[] unknown =
        [
            new() { FileContainingSymbol = "" },
            new() { FileContainingSymbol = "udptunnel.v1" },
            new() { FileContainingSymbol = ".udptunnel.v1.Tunnel" },
            new() { FileByFilename = "../udptunnel/v1/tunnel.proto" },
            new() { FileByFilename = new string('x', 100_000) },
            new() { FileContainingExtension = new ExtensionRequest() },
            new()
            {
                FileContainingExtension = new ExtensionRequest
                {
                    ContainingType = "google.protobuf.MethodOptions",
                    ExtensionNumber = int.MinValue,
                },
            },
        ];
        Assert.All(unknown, q =>
            Assert.Equal((int)StatusCode.NotFound, ReflectionApi.Answer(q).ErrorResponse.ErrorCode)
        );
        Assert.Equal(
            (int)StatusCode.InvalidArgument,
            ReflectionApi.Answer(new ServerReflectionRequest()).ErrorResponse.ErrorCode
        );
    }
}
