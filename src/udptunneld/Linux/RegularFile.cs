// SPDX-License-Identifier: BSD-3-Clause

using Microsoft.Win32.SafeHandles;

namespace UdpTunnel.Linux;

/// <summary>
/// Reads small files that others may have put there. A FIFO, a device or a socket is never opened, since opening can
/// wait for ever and reading need not end; a file that grows while it is read, or says that it is empty and is not, is
/// read up to a bound.
/// </summary>
internal static class RegularFile
{
    private const int O_RDONLY = 0;
    private const int O_NOCTTY = 0x100;
    private const int O_NONBLOCK = 0x800;
    private const int ChunkSize = 64 * 1024;

    /// <summary>Reads a file to its end.</summary>
    /// <param name="path">Where it is.</param>
    /// <param name="most">How many bytes it may have.</param>
    /// <param name="followLink">Whether the path may be a link to the file.</param>
    /// <exception cref="IOException">It is no regular file, longer, or cannot be read.</exception>
    public static byte[] Read(string path, int most, bool followLink)
    {
        if (!followLink && FileStatus.OfEntry(path) is { Kind: FileKind.Link })
        {
            throw new IOException($"{path} is a link");
        }

        // Looked at first, so that nothing but a regular file is opened; and again when it is open, since it may be
        // another one by then.
        Require(FileStatus.Of(path), path);
        var descriptor = Libc.Open(
            path,
            O_RDONLY | O_NONBLOCK | O_NOCTTY | TunConstants.O_CLOEXEC | (followLink ? 0 : PathHandle.NoFollowFlag)
        );
        if (descriptor < 0)
        {
            throw LinuxException.Last($"cannot open {path}");
        }

        using var file = new SafeFileHandle(descriptor, ownsHandle: true);
        Require(FileStatus.Of(file, path), path);
        return ReadToEnd(descriptor, path, most);
    }

    private static void Require(FileStatus status, string path)
    {
        if (status.Kind != FileKind.Regular)
        {
            throw new IOException($"{path} is {Name(status.Kind)}, not a regular file");
        }
    }

    private static unsafe byte[] ReadToEnd(int descriptor, string path, int most)
    {
        using var text = new MemoryStream();
        var chunk = new byte[ChunkSize];
        while (true)
        {
            nint count;
            fixed (byte* start = chunk)
            {
                count = Libc.Read(descriptor, start, chunk.Length);
            }

            if (count < 0 && Libc.LastError == Errno.Interrupted)
            {
                continue;
            }

            if (count < 0)
            {
                throw LinuxException.Last($"cannot read {path}");
            }

            if (count == 0)
            {
                return text.ToArray();
            }

            text.Write(chunk, 0, (int)count);
            if (text.Length > most)
            {
                throw new IOException($"{path} is longer than {most} bytes");
            }
        }
    }

    private static string Name(FileKind kind) =>
        kind switch
        {
            FileKind.Fifo => "a FIFO",
            FileKind.CharacterDevice or FileKind.BlockDevice => "a device",
            FileKind.Directory => "a directory",
            FileKind.Socket => "a socket",
            _ => "something else",
        };
}
