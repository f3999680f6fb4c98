using System.Net.Sockets;
using UdpTunnel.Access;

namespace UdpTunnel.Linux;

/// <summary>
/// The control socket as a file: mode 0660, owned by the daemon's user and the operators' group, and never wider, not even for a moment:
/// it is bound with mode 0660, and before it listens nobody can connect.
/// </summary>
internal static class ControlSocket
{
    // bind asks for mode 0777; this leaves rw-rw----.
    private const uint SocketMask = 0b_001_001_111;

    private const int Backlog = 128;
    private const uint Unchanged = uint.MaxValue;

    /// <summary>Makes the socket and lets it listen.</summary>
    /// <param name="path">Where; a file that a daemon left behind is replaced.</param>
    /// <param name="group">Who may connect besides the daemon's user; null for nobody.</param>
    /// <exception cref="IOException">A daemon listens there already, or the socket cannot be made.</exception>
    public static Socket Listen(string path, UnixGroup? group)
    {
        RemoveStale(path);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            Bind(socket, path);
            if (group is not null && Libc.ChangeOwner(path, Unchanged, group.Id) < 0)
            {
                throw LinuxException.Last($"cannot give {path} to group {group.Name}");
            }

            socket.Listen(Backlog);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static void Bind(Socket socket, string path)
    {
        // The mask is the process's, but nothing else makes files this early.
        var before = Libc.Umask(SocketMask);
        try
        {
            socket.Bind(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e)
        {
            throw new IOException($"cannot make the socket {path}: {e.Message}");
        }
        finally
        {
            _ = Libc.Umask(before);
        }
    }

    /// <summary>Nobody answers at a file that a killed daemon left; at that of a running one somebody does.</summary>
    private static void RemoveStale(string path)
    {
        if (!File.Exists(path))
        {
            return;
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
