// SPDX-License-Identifier: BSD-3-Clause

using Grpc.Core;
using UdpTunnel.Cli.Daemon;

namespace UdpTunnel.Cli.Failures;

/// <summary>Turns a failed call into what the user is told.</summary>
internal static class RpcFailure
{
    /// <summary>
    /// The exit code, sentence and advice for a failed call. The stable reason decides where there is one, else the
    /// gRPC status.
    /// </summary>
    /// <param name="exception">What the call ended with.</param>
    /// <param name="socketPath">Where the daemon was asked.</param>
    /// <param name="service">What to advise where the daemon itself is in trouble.</param>
    /// <param name="fileName">The file that diagnostics are about; empty if the call had none.</param>
    public static CommandException Translate(
        RpcException exception,
        string socketPath,
        ServiceManager service,
        string fileName = ""
    )
    {
        var details = ErrorDetails.Of(exception);
        var status = StatusOf(exception);
        var exitCode = ExitCodeOf(status, details.Reason);
        var reason = details.Reason.Length > 0 ? details.Reason.ToLowerInvariant() : Word(status);
        return new CommandException(exitCode, reason, Message(status, exception, socketPath))
        {
            Advice = Advice(details.Reason, status, service),
            Diagnostics = details.Diagnostics,
            FileName = fileName,
        };
    }

    /// <summary>
    /// The status of a call. One that the connection broke under counts as unavailable, however gRPC calls it.
    /// </summary>
    public static StatusCode StatusOf(RpcException exception) =>
        exception is { StatusCode: StatusCode.Internal, Status.DebugException: HttpRequestException or IOException }
            ? StatusCode.Unavailable
            : exception.StatusCode;

    /// <summary>The exit code for a gRPC status and a reason of <c>ErrorReason</c>, without the prefix.</summary>
    public static ExitCode ExitCodeOf(StatusCode status, string reason) =>
        reason switch
        {
            "INVALID_REQUEST" or "INVALID_CONFIGURATION" or "AMBIGUOUS_SENDER" or "AMBIGUOUS_PEER" => ExitCode.Usage,
            "ROLE_REQUIRED" => ExitCode.NotPermitted,
            "NO_SUCH_TUNNEL" or "NO_SUCH_RELAY" or "NO_SUCH_SENDER" or "NO_SUCH_PEER" => ExitCode.NoSuchThing,
            _ => status switch
            {
                StatusCode.InvalidArgument => ExitCode.Usage,
                StatusCode.Unavailable => ExitCode.Unreachable,
                StatusCode.PermissionDenied => ExitCode.NotPermitted,
                StatusCode.NotFound => ExitCode.NoSuchThing,
                StatusCode.DeadlineExceeded => ExitCode.TimedOut,
                _ => ExitCode.Failed,
            },
        };

    private static string Message(StatusCode status, RpcException exception, string socketPath) =>
        status switch
        {
            StatusCode.Unavailable when exception.StatusCode == StatusCode.Internal =>
                $"udptunneld at {socketPath} does not answer any more",
            StatusCode.Unavailable => $"udptunneld at {socketPath} went away during the call",
            StatusCode.DeadlineExceeded => $"udptunneld at {socketPath} did not answer in time",
            StatusCode.Unimplemented => $"udptunneld at {socketPath} does not know this call",
            _ when exception.Status.Detail.Length > 0 => exception.Status.Detail,
            _ => $"the call failed: {Word(status)}",
        };

    private static string? Advice(string reason, StatusCode status, ServiceManager service) =>
        reason switch
        {
            "ROLE_REQUIRED" =>
                "Members of the group udptunnel may do it, and root: sudo usermod -aG udptunnel \"$USER\", then "
                    + "log in again. 'udptunnelctl whoami' says what you may do.",
            "NO_SUCH_TUNNEL" or "NO_SUCH_RELAY" => "'udptunnelctl status' lists what there is.",
            "NO_SUCH_SENDER" =>
                "'udptunnelctl senders' lists them. A classic sender is named by its address, and only while it is "
                    + "connected.",
            "AMBIGUOUS_SENDER" => "Give more characters of the fingerprint, or the relay with --relay; "
                + "'udptunnelctl senders' shows them all.",
            "NO_SUCH_PEER" => "'udptunnelctl peers' lists them, with those that wait.",
            "AMBIGUOUS_PEER" => "Give more characters of the key, or the tunnel with --tunnel; "
                + "'udptunnelctl peers' shows them all.",
            "PEER_NOT_PENDING" => "'udptunnelctl peers' shows who waits; 'udptunnelctl revoke' takes a peer out.",
            "SENDER_NOT_PENDING" =>
                "'udptunnelctl senders' shows who waits and who is in; 'udptunnelctl revoke' ends an approval.",
            "ADDRESS_OVERLAP" => "'ip -4 address' and 'ip route' show what this host has already.",
            "NAME_TAKEN" =>
                "Change it with 'udptunnelctl reload', stop it with 'udptunnelctl down', or take another name with --name.",
            "RECEIVER_TAKEN" => "'udptunnelctl reload' changes the services of the relay that is there; "
                + "'udptunnelctl status' shows it.",
            "DEVICE_TAKEN" => "Choose another TunnelDevice, or leave it out and the kernel chooses one.",
            "PORT_TAKEN" => "Choose another port; 'ss -ulpn' (UDP) and 'ss -tlpn' (TCP) show who has this one.",
            "DAEMON_LACKS_PRIVILEGE" => service.StartPrivileged,
            "TUN_UNAVAILABLE" =>
                "Load the driver with 'modprobe tun'; a container needs the device /dev/net/tun passed in.",
            "FIREWALL_REFUSED" =>
                "Without \"Firewall\": true the tunnel filters ports as well; the table is a second guard.",
            "RESTART_REQUIRED" => "Repeat it with --yes to let it restart.",
            "LIMIT_REACHED" => "Stop what is no longer needed; 'udptunnelctl status' lists what runs.",
            "STATE_NOT_WRITABLE" =>
                "See that the daemon's state directory is writable and not full, or use --ephemeral.",
            "SYSTEM" => service.SaysMore,
            _ => status switch
            {
                StatusCode.Unavailable => service.WhyEnded,
                StatusCode.DeadlineExceeded =>
                    $"It may still be at it: 'udptunnelctl status' shows where it is. {service.SaysMore}",
                StatusCode.Unimplemented => "Command and daemon are of different versions: see 'udptunnelctl version'.",
                _ => null,
            },
        };

    private static string Word(StatusCode status) =>
        status switch
        {
            StatusCode.Cancelled => "cancelled",
            StatusCode.InvalidArgument => "invalid_argument",
            StatusCode.DeadlineExceeded => "deadline_exceeded",
            StatusCode.NotFound => "not_found",
            StatusCode.AlreadyExists => "already_exists",
            StatusCode.PermissionDenied => "permission_denied",
            StatusCode.ResourceExhausted => "resource_exhausted",
            StatusCode.FailedPrecondition => "failed_precondition",
            StatusCode.Aborted => "aborted",
            StatusCode.OutOfRange => "out_of_range",
            StatusCode.Unimplemented => "unimplemented",
            StatusCode.Internal => "internal",
            StatusCode.Unavailable => "unavailable",
            StatusCode.DataLoss => "data_loss",
            StatusCode.Unauthenticated => "unauthenticated",
            _ => "unknown",
        };
}
