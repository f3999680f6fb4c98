using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Tests.Protos;

namespace Grpc.Tests;

/// <summary>The server's side of everything.proto.</summary>
internal sealed class EverythingService : Everything.EverythingBase
{
    public override Task<AllKinds> RoundTrip(AllKinds request, ServerCallContext context) => Task.FromResult(request);

    public override Task<Empty> Ping(Empty request, ServerCallContext context) => Task.FromResult(request);
}
