// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;
using System.Text;

namespace UdpTunnel.Linux;

/// <summary>
/// The socket on which a service manager hears from a service: newline-separated assignments in one datagram
/// (sd_notify(3)).
/// </summary>
internal static class NotifySocket
{
    private const int CLOCK_MONOTONIC = 1;

    /// <summary>Microseconds of the monotonic clock, as systemd counts them.</summary>
    public static unsafe long Microseconds
    {
        get
        {
            var time = stackalloc long[2];
            _ = Libc.ClockGetTime(CLOCK_MONOTONIC, time);
            return (time[0] * 1_000_000) + (time[1] / 1000);
        }
    }

    /// <summary>Sends one message. A manager that does not listen is no reason to stop.</summary>
    /// <param name="path">Of NOTIFY_SOCKET: a path, or an abstract name that begins with "@".</param>
    /// <param name="state">For example "READY=1".</param>
    /// <returns>Null, or why it could not be sent.</returns>
    public static string? Send(string path, string state)
    {
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            socket.Connect(new UnixDomainSocketEndPoint(path.StartsWith('@') ? $"\0{path[1..]}" : path));
            socket.Send(Encoding.UTF8.GetBytes(state));
            return null;
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            return e.Message;
        }
    }
}
