// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using Microsoft.Win32.SafeHandles;

namespace UdpTunnel.State;

/// <summary>
/// Writes files beside their place, flushes them to the disk and renames them, so that a crash leaves the old or the
/// new one. Only the daemon's user can read them: they hold secrets.
/// </summary>
internal static class AtomicFile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Writes a file.</summary>
    /// <param name="directory">Where.</param>
    /// <param name="name">Its name.</param>
    /// <param name="text">What it holds.</param>
    /// <param name="durable">Whether it must survive a power failure.</param>
    /// <exception cref="IOException">
    /// The disk is full, or the directory cannot be written; the file is as it was.
    /// </exception>
    public static void Write(string directory, string name, string text, bool durable)
    {
        var path = Path.Combine(directory, name);

        // No name begins with a dot, so this is never another's file.
        var fresh = Path.Combine(directory, $".{name}.new");
        // A crash came between write and rename, perhaps. What is opened is a new file in any case, not what a link
        // leads to.
        File.Delete(fresh);
        var options = new FileStreamOptions
        {
            Mode = System.IO.FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = OwnerOnly,
        };
        using (var file = new FileStream(fresh, options))
        {
            // The umask may have taken the owner's rights away.
            File.SetUnixFileMode(file.SafeFileHandle, OwnerOnly);
            file.Write(Encoding.UTF8.GetBytes(text));
            file.Flush(flushToDisk: durable);
        }

        File.Move(fresh, path, overwrite: true);
        if (durable)
        {
            FlushDirectory(directory);
        }
    }

    /// <summary>A rename or removal is on the disk only when the directory is.</summary>
    public static void FlushDirectory(string directory)
    {
        using SafeFileHandle handle = Linux.DirectoryHandle.Open(directory);
        RandomAccess.FlushToDisk(handle);
    }
}
