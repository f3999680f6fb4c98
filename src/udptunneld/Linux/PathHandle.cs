// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace UdpTunnel.Linux;

/// <summary>
/// Holds on to the very file that is at a path (O_PATH, open(2)), so that owner, mode and access list are those of the
/// file that was looked at, also if somebody puts another one in its place meanwhile. The file is not opened, and a
/// link is not followed.
/// </summary>
internal static class PathHandle
{
    private const int O_PATH = 0x200000;
    private const int AT_EMPTY_PATH = 0x1000;
    private const uint Unchanged = uint.MaxValue;

    /// <summary>
    /// Keeps the last part of a path from being followed if it is a link (O_NOFOLLOW): another bit on each machine
    /// (asm/fcntl.h).
    /// </summary>
    public static int NoFollowFlag { get; } =
        RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x8000 : 0x20000;

    /// <exception cref="LinuxException">There is nothing, or it cannot be reached.</exception>
    public static SafeFileHandle Open(string path)
    {
        var descriptor = Libc.Open(path, O_PATH | NoFollowFlag | TunConstants.O_CLOEXEC);
        return descriptor >= 0
            ? new SafeFileHandle(descriptor, ownsHandle: true)
            : throw LinuxException.Last($"cannot look at {path}");
    }

    /// <summary>
    /// The path under which the kernel shows an open file, for calls that take no descriptor of this kind.
    /// </summary>
    public static string PathOf(SafeFileHandle file) => $"/proc/self/fd/{file.DangerousGetHandle()}";

    /// <summary>Gives a file another group; its owner stays.</summary>
    /// <returns>Whether the kernel allowed it; if not, <see cref="Libc.LastError"/> says why.</returns>
    public static bool TrySetGroup(SafeFileHandle file, uint group) =>
        Libc.ChangeOwnerAt(file.DangerousGetHandle().ToInt32(), "", Unchanged, group, AT_EMPTY_PATH) == 0;

    /// <summary>Gives a file another mode.</summary>
    /// <returns>Whether the kernel allowed it; if not, <see cref="Libc.LastError"/> says why.</returns>
    public static bool TrySetMode(SafeFileHandle file, UnixFileMode mode) =>
        Libc.ChangeMode(PathOf(file), (uint)mode) == 0;
}
