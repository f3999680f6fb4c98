// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using UdpTunnel.Hosting;
using UdpTunnel.V1;

namespace UdpTunnel.Api;

/// <summary>
/// Errors as a client sees them: a gRPC status and, in the trailer <c>grpc-status-details-bin</c>, a
/// <c>google.rpc.Status</c> with a stable reason (protos/udptunnel/v1/error.proto). The trailer <c>udptunnel-reason</c>
/// has the reason once more, as text, for clients without google.rpc.
/// </summary>
internal static class Errors
{
    private const string Domain = "udptunnel";
    private const string DetailsTrailer = "grpc-status-details-bin";
    private const string ReasonTrailer = "udptunnel-reason";

    // Many clients take no more than 8 KiB of headers and trailers and lose an answer with more
    // (GRPC_ARG_MAX_METADATA_SIZE). In the trailer the details are a third longer (base64), and others stand beside it.
    private const int MaxDetailsBytes = 5 * 1024;

    // What says how many were left out, and the framing of a detail.
    private const int MaxNoteBytes = 256;

    /// <summary>What a client gets for a request that could not be done.</summary>
    public static RpcException From(RequestException e) =>
        Exception((ErrorReason)e.Fault, e.Message, e.Diagnostics.Select(Convert.ToDiagnostic));

    /// <summary>An error with a stable reason.</summary>
    public static RpcException Exception(
        ErrorReason reason,
        string message,
        IEnumerable<Diagnostic>? diagnostics = null
    )
    {
        var code = CodeOf(reason);
        var status = new Google.Rpc.Status { Code = (int)code, Message = message };
        status.Details.Add(Any.Pack(new ErrorInfo { Domain = Domain, Reason = NameOf(reason) }));
        AddWhatFits(status, [.. diagnostics ?? []]);
        return new RpcException(
            new Grpc.Core.Status(code, message),
            new Metadata { { DetailsTrailer, status.ToByteArray() }, { ReasonTrailer, NameOf(reason) } },
            message
        );
    }

    private static void AddWhatFits(Google.Rpc.Status status, IReadOnlyList<Diagnostic> diagnostics)
    {
        var room = MaxDetailsBytes - status.CalculateSize() - MaxNoteBytes;
        for (var i = 0; i < diagnostics.Count; i++)
        {
            var detail = Any.Pack(diagnostics[i]);
            room -=
                detail.CalculateSize()
                + CodedOutputStream.ComputeTagSize(Google.Rpc.Status.DetailsFieldNumber)
                + sizeof(int);
            if (room < 0)
            {
                status.Details.Add(
                    Any.Pack(
                        new Diagnostic
                        {
                            Severity = diagnostics.Skip(i).Max(d => d.Severity),
                            Message =
                                $"{diagnostics.Count - i} more remarks do not fit here; `udptunnelctl check` shows them",
                        }
                    )
                );
                return;
            }

            status.Details.Add(detail);
        }
    }

    /// <summary>The gRPC status that goes with a reason.</summary>
    internal static StatusCode CodeOf(ErrorReason reason) =>
        reason switch
        {
            ErrorReason.InvalidRequest
            or ErrorReason.InvalidConfiguration
            or ErrorReason.AmbiguousSender
            or ErrorReason.AmbiguousPeer => StatusCode.InvalidArgument,
            ErrorReason.RoleRequired => StatusCode.PermissionDenied,
            ErrorReason.NoSuchTunnel or ErrorReason.NoSuchRelay or ErrorReason.NoSuchSender or ErrorReason.NoSuchPeer =>
                StatusCode.NotFound,
            ErrorReason.NameTaken or ErrorReason.DeviceTaken or ErrorReason.PortTaken or ErrorReason.ReceiverTaken =>
                StatusCode.AlreadyExists,
            ErrorReason.LimitReached => StatusCode.ResourceExhausted,
            ErrorReason.System or ErrorReason.Unspecified => StatusCode.Internal,
            _ => StatusCode.FailedPrecondition,
        };

    /// <summary>"NO_SUCH_TUNNEL": the proto's name without the enum's prefix, as ErrorInfo asks for.</summary>
    internal static string NameOf(ErrorReason reason) =>
        ErrorReflection
            .Descriptor.EnumTypes.First(e => e.Name == nameof(ErrorReason))
            .FindValueByNumber((int)reason)
            .Name["ERROR_REASON_".Length..];
}
