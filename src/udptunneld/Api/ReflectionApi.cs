// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Reflection.V1;
using UdpTunnel.Access;

namespace UdpTunnel.Api;

/// <summary>The standard server reflection service, so that clients such as grpcurl need no proto files.</summary>
internal sealed class ReflectionApi(Watchers watchers) : ServerReflection.ServerReflectionBase
{
    private static readonly IReadOnlyList<FileDescriptor> Files = CollectFiles();
    private static readonly Dictionary<string, FileDescriptor> BySymbol = CollectSymbols();

    /// <inheritdoc/>
    public override async Task ServerReflectionInfo(
        IAsyncStreamReader<ServerReflectionRequest> requestStream,
        IServerStreamWriter<ServerReflectionResponse> responseStream,
        ServerCallContext context
    )
    {
        using var watcher = watchers.Enter(context);
        while (await requestStream.MoveNext(watcher.Stopped))
        {
            await responseStream.WriteAsync(Answer(requestStream.Current), watcher.Stopped);
        }
    }

    /// <summary>Answers one question. Pure.</summary>
    internal static ServerReflectionResponse Answer(ServerReflectionRequest request)
    {
        var response = new ServerReflectionResponse { ValidHost = request.Host, OriginalRequest = request };
        switch (request.MessageRequestCase)
        {
            case ServerReflectionRequest.MessageRequestOneofCase.ListServices:
                response.ListServicesResponse = new ListServiceResponse();
                response.ListServicesResponse.Service.AddRange(
                    MethodRoles.Services.Select(s => new ServiceResponse { Name = s.FullName })
                );
                break;
            case ServerReflectionRequest.MessageRequestOneofCase.FileByFilename:
                SetFile(response, Files.FirstOrDefault(f => f.Name == request.FileByFilename));
                break;
            case ServerReflectionRequest.MessageRequestOneofCase.FileContainingSymbol:
                SetFile(response, BySymbol.GetValueOrDefault(request.FileContainingSymbol));
                break;
            case ServerReflectionRequest.MessageRequestOneofCase.FileContainingExtension:
                SetFile(
                    response,
                    Extensions(request.FileContainingExtension.ContainingType)
                        .FirstOrDefault(e => e.FieldNumber == request.FileContainingExtension.ExtensionNumber)
                        ?.File
                );
                break;
            case ServerReflectionRequest.MessageRequestOneofCase.AllExtensionNumbersOfType:
                response.AllExtensionNumbersResponse = new ExtensionNumberResponse
                {
                    BaseTypeName = request.AllExtensionNumbersOfType,
                };
                response.AllExtensionNumbersResponse.ExtensionNumber.AddRange(
                    Extensions(request.AllExtensionNumbersOfType).Select(e => e.FieldNumber)
                );
                break;
            default:
                SetError(response, StatusCode.InvalidArgument, "the request asks for nothing");
                break;
        }

        return response;
    }

    private static void SetFile(ServerReflectionResponse response, FileDescriptor? file)
    {
        if (file is null)
        {
            SetError(response, StatusCode.NotFound, "not found");
            return;
        }

        // The file and all that it imports, so that one answer is enough to build it.
        response.FileDescriptorResponse = new FileDescriptorResponse();
        var seen = new HashSet<string>();
        Add(file);

        void Add(FileDescriptor f)
        {
            if (seen.Add(f.Name))
            {
                response.FileDescriptorResponse.FileDescriptorProto.Add(f.SerializedData);
                foreach (var import in f.Dependencies)
                {
                    Add(import);
                }
            }
        }
    }

    private static void SetError(ServerReflectionResponse response, StatusCode code, string message) =>
        response.ErrorResponse = new ErrorResponse { ErrorCode = (int)code, ErrorMessage = message };

    private static IEnumerable<FieldDescriptor> Extensions(string type) =>
        Files.SelectMany(f => f.Extensions.UnorderedExtensions).Where(e => e.ExtendeeType.FullName == type);

    private static List<FileDescriptor> CollectFiles()
    {
        var files = new List<FileDescriptor>();
        foreach (var service in MethodRoles.Services)
        {
            Add(service.File);
        }

        return files;

        void Add(FileDescriptor file)
        {
            if (!files.Contains(file))
            {
                files.Add(file);
                foreach (var import in file.Dependencies)
                {
                    Add(import);
                }
            }
        }
    }

    private static Dictionary<string, FileDescriptor> CollectSymbols()
    {
        var symbols = new Dictionary<string, FileDescriptor>();
        foreach (var file in Files)
        {
            foreach (var service in file.Services)
            {
                symbols[service.FullName] = file;
                foreach (var method in service.Methods)
                {
                    symbols[method.FullName] = file;
                }
            }

            foreach (var message in file.MessageTypes)
            {
                AddMessage(message);
            }

            foreach (var type in file.EnumTypes)
            {
                symbols[type.FullName] = file;
            }

            foreach (var extension in file.Extensions.UnorderedExtensions)
            {
                symbols[extension.FullName] = file;
            }
        }

        return symbols;

        void AddMessage(MessageDescriptor message)
        {
            symbols[message.FullName] = message.File;
            foreach (var nested in message.NestedTypes)
            {
                AddMessage(nested);
            }

            foreach (var type in message.EnumTypes)
            {
                symbols[type.FullName] = message.File;
            }
        }
    }
}

/// <summary>
/// Server reflection under its older name, the only one that grpc_cli and grpcurl of before 2023 ask.
/// </summary>
internal sealed class ReflectionAlphaApi(ReflectionApi reflection)
    : Grpc.Reflection.V1Alpha.ServerReflection.ServerReflectionBase
{
    /// <inheritdoc/>
    public override Task ServerReflectionInfo(
        IAsyncStreamReader<ServerReflectionRequest> requestStream,
        IServerStreamWriter<ServerReflectionResponse> responseStream,
        ServerCallContext context
    ) => reflection.ServerReflectionInfo(requestStream, responseStream, context);
}
