// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace UdpTunnel.Linux;

/// <summary>
/// The control socket as a file: mode 0660, owned by the daemon's user and the operators' group, and never wider, not
/// even for a moment: it is bound with mode 0660, and before it listens nobody can connect. Group, mode and access list
/// are set on the very file that was bound, also if the directory is somebody's who puts another one in its place.
/// </summary>
internal static class ControlSocket
{
    private const UnixFileMode SocketMode =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;

    private const int Backlog = 128;

    /// <summary>sun_path of sockaddr_un less the final zero (unix(7)), in bytes.</summary>
    private const int LongestPath = 107;

    private const int LockAttempts = 200;

    private static readonly TimeSpan LockInterval = TimeSpan.FromMilliseconds(10);

    /// <summary>Makes the socket and lets it listen.</summary>
    /// <param name="path">Where; a file that a daemon left behind is replaced.</param>
    /// <param name="group">Who may connect besides the daemon's user; null for nobody.</param>
    /// <param name="lookGroup">Who else may connect; null for nobody.</param>
    /// <exception cref="IOException">A daemon listens there already, or the socket cannot be made.</exception>
    public static Socket Listen(string path, UnixGroup? group, UnixGroup? lookGroup)
    {
        var length = Encoding.UTF8.GetByteCount(path);
        if (length is 0 or > LongestPath)
        {
            throw new IOException($"--socket: the path of a socket has 1 to {LongestPath} bytes, this one {length}");
        }

        using var directory = LockDirectory(path);
        RemoveStale(path);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            Bind(socket, path);
            Restrict(path, group, lookGroup);
            socket.Listen(Backlog);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>
    /// One daemon at a time looks and binds: of two that start together one could else take the other's socket, which
    /// does not listen yet, for one that was left behind.
    /// </summary>
    /// <returns>Gives the lock back when it is closed.</returns>
    private static SafeFileHandle LockDirectory(string path)
    {
        var directory = DirectoryHandle.Open(Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/");

        // Whoever can read the directory can hold its lock for ever, and shall not keep the daemon from starting.
        for (var i = 0; i < LockAttempts && !DirectoryHandle.TryLock(directory); i++)
        {
            Thread.Sleep(LockInterval);
        }

        return directory;
    }

    private static void Bind(Socket socket, string path)
    {
        // The file gets the mode of the socket less the umask (unix_bind_bsd of net/unix/af_unix.c), so the process's
        // umask stays as it is.
        if (Libc.ChangeMode(socket.Handle.ToInt32(), (uint)SocketMode) < 0)
        {
            throw LinuxException.Last($"cannot make the socket {path}");
        }

        try
        {
            socket.Bind(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e)
        {
            throw new IOException($"cannot make the socket {path}: {e.Message}");
        }
    }

    private static void Restrict(string path, UnixGroup? group, UnixGroup? lookGroup)
    {
        using var file = PathHandle.Open(path);
        var status = FileStatus.Of(file, path);
        if (status.Kind != FileKind.Socket || status.User != Libc.GetEffectiveUser())
        {
            throw new IOException($"{path} was replaced while the socket was made");
        }

        // Under the package's unit the group is right from the beginning, and no file may be given away.
        if (group is not null && status.Group != group.Id && !PathHandle.TrySetGroup(file, group.Id))
        {
            throw LinuxException.Last($"cannot give {path} to group {group.Name}");
        }

        // The umask may have taken something away, and the directory may have a default access list, which adds
        // entries.
        if (status.Mode != SocketMode && !PathHandle.TrySetMode(file, SocketMode))
        {
            throw LinuxException.Last($"cannot set the mode of {path}");
        }

        SocketAcl.Set(file, path, lookGroup?.Id);
    }

    /// <summary>Nobody answers at a file that a killed daemon left; at that of a running one somebody does.</summary>
    private static void RemoveStale(string path)
    {
        // Connecting is refused by other files as well as by a socket that nobody listens at, and those must not be
        // deleted.
        switch (FileStatus.OfEntry(path)?.Kind)
        {
            case null:
                return;
            case FileKind.Socket:
                break;
            default:
                throw new IOException($"--socket: {path} is there and is no socket");
        }

        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path);
            return;
        }
        catch (SocketException e)
        {
            throw new IOException($"cannot look at the socket {path}: {e.Message}");
        }

        throw new IOException($"another udptunneld answers at {path}: stop it, or use --socket");
    }
}
