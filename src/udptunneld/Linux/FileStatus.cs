// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace UdpTunnel.Linux;

/// <summary>The kind of a file, its mode and whose it is (statx(2)), which .NET does not tell.</summary>
/// <param name="Kind">The kind of file.</param>
/// <param name="Mode">Permissions, with the set-id and sticky bits.</param>
/// <param name="User">Its owner.</param>
/// <param name="Group">Its group.</param>
internal readonly unsafe record struct FileStatus(FileKind Kind, UnixFileMode Mode, uint User, uint Group)
{
    private const int AT_FDCWD = -100;
    private const int AT_SYMLINK_NOFOLLOW = 0x100;
    private const int AT_EMPTY_PATH = 0x1000;
    private const uint STATX_INO = 0x100;
    private const uint STATX_TYPE_MODE_UID_GID = 0x1 | 0x2 | 0x8 | 0x10;

    /// <summary><c>struct statx</c>; uid and gid are at 20 and 24, the mode at 28, the inode at 32.</summary>
    private const int StatxSize = 256;

    private const int KindBits = 0xF000;
    private const int PermissionBits = 0xFFF;

    /// <summary>Of the file at a path; links are followed.</summary>
    /// <exception cref="LinuxException">There is none.</exception>
    public static FileStatus Of(string path) =>
        Read(AT_FDCWD, path, 0) ?? throw LinuxException.Last($"cannot look at {path}");

    /// <summary>Of what is at a path, which may be a link; null if there is nothing.</summary>
    /// <exception cref="LinuxException">The path cannot be looked at.</exception>
    public static FileStatus? OfEntry(string path) =>
        Read(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW)
        ?? (Libc.LastError == Errno.NoEntry ? null : throw LinuxException.Last($"cannot look at {path}"));

    /// <summary>The number of the file at a path in its file system (its inode).</summary>
    /// <exception cref="LinuxException">There is none.</exception>
    public static ulong NumberOf(string path)
    {
        var result = stackalloc byte[StatxSize];
        return Libc.StatusOf(AT_FDCWD, path, 0, STATX_INO, result) < 0
            ? throw LinuxException.Last($"cannot look at {path}")
            : BinaryPrimitives.ReadUInt64LittleEndian(new ReadOnlySpan<byte>(result + 32, sizeof(ulong)));
    }

    /// <summary>Of an open file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="path">Its path, for errors.</param>
    public static FileStatus Of(SafeFileHandle file, string path) =>
        Read(file.DangerousGetHandle().ToInt32(), "", AT_EMPTY_PATH)
        ?? throw LinuxException.Last($"cannot look at {path}");

    private static FileStatus? Read(int directory, string path, int flags)
    {
        var result = stackalloc byte[StatxSize];
        if (Libc.StatusOf(directory, path, flags, STATX_TYPE_MODE_UID_GID, result) < 0)
        {
            return null;
        }

        var fields = new ReadOnlySpan<byte>(result, StatxSize);
        var mode = BinaryPrimitives.ReadUInt16LittleEndian(fields[28..]);
        return new FileStatus(
            (FileKind)(mode & KindBits),
            (UnixFileMode)(mode & PermissionBits),
            BinaryPrimitives.ReadUInt32LittleEndian(fields[20..]),
            BinaryPrimitives.ReadUInt32LittleEndian(fields[24..])
        );
    }
}

/// <summary>The kinds of files, by the kernel's numbers (S_IFMT of include/uapi/linux/stat.h).</summary>
internal enum FileKind
{
    Fifo = 0x1000,
    CharacterDevice = 0x2000,
    Directory = 0x4000,
    BlockDevice = 0x6000,
    Regular = 0x8000,
    Link = 0xA000,
    Socket = 0xC000,
}
