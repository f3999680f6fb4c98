// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;
using UdpTunnel.Cli.Failures;

namespace UdpTunnel.Cli.Daemon;

/// <summary>Turns an error of connect(2) on the control socket into what the user is told.</summary>
internal static class ConnectFailure
{
    /// <summary>The sentence, advice and exit code for an error.</summary>
    public static CommandException Translate(SocketException exception, string path, ServiceManager service) =>
        exception.SocketErrorCode switch
        {
            // .NET gives ENOENT this name, for which Windows has no other.
            SocketError.AddressNotAvailable => new CommandException(
                ExitCode.Unreachable,
                "no_socket",
                $"udptunneld is not running (no socket at {path})"
            )
            {
                Advice = StartIt(service),
            },
            SocketError.AccessDenied => new CommandException(
                ExitCode.NotPermitted,
                "socket_not_permitted",
                $"you may not open {path}: it belongs to root and the group udptunnel"
            )
            {
                Advice = "Join the group with 'sudo usermod -aG udptunnel \"$USER\"' and log in again, or use sudo.",
            },
            SocketError.ConnectionRefused => new CommandException(
                ExitCode.Unreachable,
                "connection_refused",
                $"nobody answers at {path}: the daemon has ended and left its socket"
            )
            {
                Advice = StartIt(service),
            },

            // EAGAIN: the queue of connections that the daemon has not taken yet is full (unix(7) does not let connect
            // wait for it).
            SocketError.WouldBlock or SocketError.TryAgain => new CommandException(
                ExitCode.TimedOut,
                "busy",
                $"udptunneld at {path} takes no connections at the moment"
            )
            {
                Advice = $"Try again. If it stays so: {service.SaysMore}",
            },
            _ => new CommandException(
                ExitCode.Unreachable,
                "unreachable",
                $"cannot connect to {path}: {exception.Message}"
            )
            {
                Advice = StartIt(service),
            },
        };

    private static string StartIt(ServiceManager service) =>
        $"{service.Start}, or say where its socket is with --socket or {DaemonPlace.SocketVariable}.";
}
