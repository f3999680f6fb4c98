// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;

namespace UdpTunnel.Linux;

/// <summary>
/// The control socket as a service manager passes it (sd_listen_fds(3)): made with its owner and mode before this
/// process is, so that there is never a wider moment, and listening while the daemon restarts. Its file is the service
/// manager's, and stays its.
/// </summary>
internal static class PassedSocket
{
    private const int FirstDescriptor = 3;
    private const int SOL_SOCKET = 1;
    private const int SO_ACCEPTCONN = 30;
    private const int F_SETFD = 2;
    private const int FD_CLOEXEC = 1;

    private const UnixFileMode Allowed =
        UnixFileMode.UserRead
        | UnixFileMode.UserWrite
        | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead
        | UnixFileMode.GroupWrite
        | UnixFileMode.GroupExecute;

    /// <summary>Takes the socket.</summary>
    /// <param name="lookGroup">
    /// Who may connect besides the group that the socket belongs to; null for nobody. Where
    /// this process is neither root nor the owner of the file, the service manager has to see to it.
    /// </param>
    /// <returns>The socket and the path of its file; null if none was passed to this process.</returns>
    /// <exception cref="IOException">
    /// What was passed is no control socket, or open to more than owner and group.
    /// </exception>
    public static (Socket Socket, string Path)? Take(UnixGroup? lookGroup)
    {
        var count = Number("LISTEN_FDS");
        if (count is null or 0 || Number("LISTEN_PID") != Environment.ProcessId)
        {
            return null;
        }

        if (count != 1)
        {
            throw new IOException($"LISTEN_FDS: {count} sockets were passed, but there is one control socket");
        }

        _ = Libc.FileControl(FirstDescriptor, F_SETFD, FD_CLOEXEC);
        Socket? socket = null;
        try
        {
            socket = new Socket(new SafeSocketHandle(FirstDescriptor, ownsHandle: true));
            var path = PathOf(socket);
            if (lookGroup is not null)
            {
                LetConnect(path, lookGroup);
            }

            return (socket, path);
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            socket?.Dispose();
            throw e is IOException
                ? e
                : new IOException($"LISTEN_FDS: descriptor {FirstDescriptor} is no socket: {e.Message}");
        }
    }

    private static SafeFileHandle OpenSocket(string path)
    {
        var file = PathHandle.Open(path);
        if (FileStatus.Of(file, path).Kind == FileKind.Socket)
        {
            return file;
        }

        file.Dispose();
        throw new IOException($"{path} is no socket any more");
    }

    private static string PathOf(Socket socket)
    {
        Span<byte> listens = stackalloc byte[sizeof(int)];
        _ = socket.GetRawSocketOption(SOL_SOCKET, SO_ACCEPTCONN, listens);
        var path = socket.LocalEndPoint?.ToString();
        if (
            socket.AddressFamily != AddressFamily.Unix
            || socket.SocketType != SocketType.Stream
            || listens[0] == 0
            || string.IsNullOrEmpty(path)
            || path[0] != '/'
        )
        {
            throw new IOException(
                "LISTEN_FDS: the socket that was passed is not a listening Unix stream socket with a path"
            );
        }

        // Who may do what is decided at each call as well, but who has no business here should not even connect.
        using var file = OpenSocket(path);
        var mode = FileStatus.Of(file, path).Mode;
        return (mode & ~Allowed) == 0
            ? path
            : throw new IOException(
                $"{path} was passed with mode {System.Convert.ToString((int)mode, 8)}, which lets everybody in: its socket unit needs SocketMode=0660"
            );
    }

    private static void LetConnect(string path, UnixGroup group)
    {
        try
        {
            // A list that is right already may have more of the administrator's in it.
            if (!SocketAcl.Allows(path, group.Id))
            {
                using var file = OpenSocket(path);
                SocketAcl.Set(file, path, group.Id);
            }
        }
        catch (LinuxException e) when (e.Errno is Errno.NotPermitted or Errno.AccessDenied or Errno.ReadOnlyFileSystem)
        {
            // The unit's part, which the daemon looks at once it runs.
        }
    }

    private static int? Number(string variable) =>
        int.TryParse(
            Environment.GetEnvironmentVariable(variable),
            NumberStyles.None,
            CultureInfo.InvariantCulture,
            out var number
        )
            ? number
            : null;
}
