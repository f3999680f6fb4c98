// SPDX-License-Identifier: BSD-3-Clause

using Microsoft.Win32.SafeHandles;
using UdpTunnel.Linux;

namespace UdpTunnel.State;

/// <summary>
/// Directories that nobody but the daemon's user may enter. What is in them can be trusted for that reason: nobody else
/// can put a link or a file of another's there.
/// </summary>
internal static class PrivateDirectory
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>
    /// Makes a directory, or makes sure that the one that is there is the daemon's own and nobody else's.
    /// </summary>
    /// <param name="path">Where; directories on the way are made too.</param>
    /// <param name="mark">
    /// A name that is in a directory that was made before; one without it that holds other things is refused if it is
    /// open to others.
    /// </param>
    /// <exception cref="IOException">
    /// It cannot be made, is a link, is another user's, or holds what is not the daemon's.
    /// </exception>
    public static void Make(string path, string? mark = null)
    {
        try
        {
            Directory.CreateDirectory(path, OwnerOnly);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"cannot make the state directory {path}: {e.Message}");
        }

        // Without a slash at the end, behind which a link would be followed.
        using var directory = PathHandle.Open(Path.TrimEndingDirectorySeparator(path));
        var status = FileStatus.Of(directory, path);
        if (status.Kind != FileKind.Directory)
        {
            throw new IOException(
                $"the state directory {path} is {(status.Kind == FileKind.Link ? "a link" : "no directory")}: give its own path"
            );
        }

        if (status.User != Libc.GetEffectiveUser())
        {
            throw new IOException(
                $"the state directory {path} is that of user {status.User}, and not of the daemon's, {Libc.GetEffectiveUser()}"
            );
        }

        if (status.Mode != OwnerOnly)
        {
            Narrow(directory, path, status, mark);
        }
    }

    /// <summary>The umask may have taken rights away, or somebody may have made the directory beforehand.</summary>
    private static void Narrow(SafeFileHandle directory, string path, FileStatus status, string? mark)
    {
        const UnixFileMode Shared = UnixFileMode.OtherWrite | UnixFileMode.StickyBit;
        if ((status.Mode & Shared) != 0)
        {
            throw new IOException(
                $"the state directory {path} is one that others may write to: it needs to be the daemon's alone"
            );
        }

        // A directory such as /root or /var/lib was named by mistake, and others need it as it is.
        if (
            mark is not null
            && status.Mode.HasFlag(UnixFileMode.UserRead | UnixFileMode.UserExecute)
            && Directory.EnumerateFileSystemEntries(path).Any()
            && !Path.Exists(Path.Combine(path, mark))
        )
        {
            throw new IOException(
                $"the state directory {path} is open to others and holds other things: state needs a directory of its own"
            );
        }

        if (!PathHandle.TrySetMode(directory, OwnerOnly))
        {
            throw LinuxException.Last($"cannot keep others out of the state directory {path}");
        }
    }
}
