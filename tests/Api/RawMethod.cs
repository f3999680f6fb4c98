// SPDX-License-Identifier: BSD-3-Clause

using Grpc.Core;

namespace UdpTunnel.Tests.Api;

/// <summary>Methods by their names, with messages as bytes: for requests that no generated client would send.</summary>
internal static class RawMethod
{
    private static readonly Marshaller<byte[]> Bytes = Marshallers.Create<byte[]>(bytes => bytes, bytes => bytes);

    /// <summary>Any method.</summary>
    public static Method<byte[], byte[]> Of(MethodType type, string service, string method) =>
        new(type, service, method, Bytes, Bytes);

    /// <summary>Calls a unary method.</summary>
    public static AsyncUnaryCall<byte[]> CallAsync(
        this CallInvoker invoker,
        string service,
        string method,
        byte[] request
    ) =>
        invoker.AsyncUnaryCall(
            Of(MethodType.Unary, service, method),
            host: null,
            new CallOptions(cancellationToken: TestContext.Current.CancellationToken),
            request
        );
}
