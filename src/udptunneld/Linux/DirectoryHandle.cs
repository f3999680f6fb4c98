// SPDX-License-Identifier: BSD-3-Clause

using Microsoft.Win32.SafeHandles;

namespace UdpTunnel.Linux;

/// <summary>
/// Opens a directory as a file, which .NET refuses to do, so that it can be flushed to the disk or locked.
/// </summary>
internal static class DirectoryHandle
{
    private const int O_RDONLY = 0;
    private const int LOCK_EX = 2;
    private const int LOCK_NB = 4;

    /// <exception cref="LinuxException">It cannot be opened.</exception>
    public static SafeFileHandle Open(string path)
    {
        var descriptor = Libc.Open(path, O_RDONLY | TunConstants.O_CLOEXEC);
        return descriptor >= 0
            ? new SafeFileHandle(descriptor, ownsHandle: true)
            : throw LinuxException.Last($"cannot open {path}");
    }

    /// <summary>
    /// Locks a directory against other processes until the handle is closed or this process ends, however it ends
    /// (flock(2)).
    /// </summary>
    /// <returns>Whether nobody else has it locked.</returns>
    public static bool TryLock(SafeFileHandle directory) =>
        Libc.Lock(directory.DangerousGetHandle().ToInt32(), LOCK_EX | LOCK_NB) == 0;
}
