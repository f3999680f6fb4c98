using Grpc.Core;
using Grpc.Reflection.V1;

namespace UdpTunnel.Api;

/// <summary>Server reflection under its older name, the only one that grpc_cli and grpcurl of before 2023 ask.</summary>
internal sealed class ReflectionAlphaApi(ReflectionApi reflection) : Grpc.Reflection.V1Alpha.ServerReflection.ServerReflectionBase
{
    /// <inheritdoc/>
    public override Task ServerReflectionInfo(
        IAsyncStreamReader<ServerReflectionRequest> requestStream,
        IServerStreamWriter<ServerReflectionResponse> responseStream,
        ServerCallContext context) => reflection.ServerReflectionInfo(requestStream, responseStream, context);
}
