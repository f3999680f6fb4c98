// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using UdpTunnel.Config;
using UdpTunnel.Linux;

namespace UdpTunnel.Access;

/// <summary>
/// Who is at the other end of a control connection, as the kernel tells it. Nothing the caller sends has a part in it.
/// </summary>
/// <param name="User">Effective user id when it connected.</param>
/// <param name="Group">Effective group id when it connected.</param>
/// <param name="Process">Process id in the daemon's PID namespace.</param>
/// <param name="SupplementaryGroups">Its other groups.</param>
internal sealed record Caller(uint User, uint Group, int Process, IReadOnlyList<uint> SupplementaryGroups)
{
    private const int SOL_SOCKET = 1;

    /// <summary><c>struct ucred</c>: pid i32, uid u32, gid u32.</summary>
    private const int SO_PEERCRED = 17;

    /// <summary>An array of gids (Linux 4.13).</summary>
    private const int SO_PEERGROUPS = 59;

    /// <summary>NGROUPS_MAX: no process has more.</summary>
    private const int MaxGroups = 65536;

    // Not in the connection's Items: calls of one connection run at the same time, and those are a plain dictionary.
    private static readonly ConditionalWeakTable<Socket, Caller> Known = [];

    /// <summary>Who is at the other end of a connection. The kernel is asked once.</summary>
    /// <exception cref="SocketException">The socket is no Unix socket, or closed.</exception>
    public static Caller At(IFeatureCollection connection) =>
        Known.GetValue(connection.GetRequiredFeature<IConnectionSocketFeature>().Socket, Of);

    /// <summary>Asks the kernel.</summary>
    /// <exception cref="SocketException">The socket is no Unix socket, or closed.</exception>
    private static Caller Of(Socket socket)
    {
        Span<byte> credentials = stackalloc byte[12];
        _ = socket.GetRawSocketOption(SOL_SOCKET, SO_PEERCRED, credentials);
        return new Caller(
            MemoryMarshal.Read<uint>(credentials[4..]),
            MemoryMarshal.Read<uint>(credentials[8..]),
            MemoryMarshal.Read<int>(credentials),
            Groups(socket)
        );
    }

    /// <summary>For the log: the user's name and number.</summary>
    public string ToDisplayText() => DisplayTextOf(User);

    /// <summary>The same of a user by number alone.</summary>
    public static string DisplayTextOf(uint user) =>
        UnixUsers.NameOf(user) is { Length: > 0 } name ? $"{Excerpt.Bare(name)} (uid {user})" : $"uid {user}";

    /// <summary>Whether one of its groups is the given one.</summary>
    public bool IsIn(uint group) => Group == group || SupplementaryGroups.Contains(group);

    private static uint[] Groups(Socket socket)
    {
        var buffer = new byte[256];
        while (true)
        {
            try
            {
                var length = socket.GetRawSocketOption(SOL_SOCKET, SO_PEERGROUPS, buffer);
                return MemoryMarshal.Cast<byte, uint>(buffer.AsSpan(0, length)).ToArray();
            }
            catch (SocketException) when (buffer.Length < MaxGroups * sizeof(uint))
            {
                // ERANGE: the kernel has more groups than fit.
                buffer = new byte[MaxGroups * sizeof(uint)];
            }
        }
    }
}
