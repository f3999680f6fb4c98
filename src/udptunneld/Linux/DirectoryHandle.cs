using Microsoft.Win32.SafeHandles;

namespace UdpTunnel.Linux;

/// <summary>Opens a directory as a file, which .NET refuses to do, so that it can be flushed to the disk.</summary>
internal static class DirectoryHandle
{
    private const int O_RDONLY = 0;

    /// <exception cref="LinuxException">It cannot be opened.</exception>
    public static SafeFileHandle Open(string path)
    {
        var descriptor = Libc.Open(path, O_RDONLY | TunConstants.O_CLOEXEC);
        return descriptor >= 0
            ? new SafeFileHandle(descriptor, ownsHandle: true)
            : throw LinuxException.Last($"cannot open {path}");
    }
}
