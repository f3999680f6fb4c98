using System.Buffers.Binary;

namespace UdpTunnel.Linux;

/// <summary>Whose a file is (statx(2)), which .NET does not tell.</summary>
internal static unsafe class FileOwner
{
    private const int AT_FDCWD = -100;
    private const uint STATX_UID_AND_GID = 0x8 | 0x10;

    /// <summary><c>struct statx</c>; uid and gid are at 20 and 24.</summary>
    private const int StatxSize = 256;

    /// <summary>User and group.</summary>
    /// <exception cref="LinuxException">It is not there.</exception>
    public static (uint User, uint Group) Of(string path)
    {
        var result = stackalloc byte[StatxSize];
        if (Libc.StatusOf(AT_FDCWD, path, 0, STATX_UID_AND_GID, result) < 0)
        {
            throw LinuxException.Last($"cannot look at {path}");
        }

        var fields = new ReadOnlySpan<byte>(result, StatxSize);
        return (BinaryPrimitives.ReadUInt32LittleEndian(fields[20..]), BinaryPrimitives.ReadUInt32LittleEndian(fields[24..]));
    }
}
