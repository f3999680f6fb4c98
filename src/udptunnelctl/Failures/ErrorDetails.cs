// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf;
using Grpc.Core;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Failures;

/// <summary>
/// What a failed call carries beside its status: a <c>google.rpc.Status</c> in the trailer
/// <c>grpc-status-details-bin</c> with a <c>google.rpc.ErrorInfo</c> and diagnostics (protos/udptunnel/v1/error.proto).
/// </summary>
/// <param name="Reason">
/// As in <c>ErrorReason</c> without the prefix, for example <c>NO_SUCH_TUNNEL</c>; empty if none.
/// </param>
/// <param name="Diagnostics">The mistakes of a configuration.</param>
internal sealed record ErrorDetails(string Reason, IReadOnlyList<Diagnostic> Diagnostics)
{
    private const string Trailer = "grpc-status-details-bin";
    private const string Domain = "udptunnel";

    private static readonly ErrorDetails None = new("", []);

    /// <summary>Reads the details; without any, or with some that cannot be read, both parts are empty.</summary>
    public static ErrorDetails Of(RpcException exception)
    {
        var bytes = exception.Trailers.FirstOrDefault(e => e.Key == Trailer)?.ValueBytes;
        if (bytes is null)
        {
            return None;
        }

        try
        {
            var reason = "";
            var diagnostics = new List<Diagnostic>();
            foreach (var detail in Google.Rpc.Status.Parser.ParseFrom(bytes).Details)
            {
                // Compared by hand: Any.Is and Unpack would load the descriptors of whole files for one name.
                if (detail.TypeUrl.EndsWith("/google.rpc.ErrorInfo", StringComparison.Ordinal))
                {
                    var info = Google.Rpc.ErrorInfo.Parser.ParseFrom(detail.Value);
                    reason = info.Domain == Domain ? info.Reason : reason;
                }
                else if (detail.TypeUrl.EndsWith("/udptunnel.v1.Diagnostic", StringComparison.Ordinal))
                {
                    diagnostics.Add(Diagnostic.Parser.ParseFrom(detail.Value));
                }
            }

            return new ErrorDetails(reason, diagnostics);
        }
        catch (InvalidProtocolBufferException)
        {
            return None;
        }
    }
}
