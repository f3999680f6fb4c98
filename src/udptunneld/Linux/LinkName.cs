using System.Globalization;
using System.Runtime.InteropServices;

namespace UdpTunnel.Linux;

/// <summary>Names of network devices.</summary>
internal static unsafe class LinkName
{
    private const int MaxLength = 16;

    /// <summary>The device's name; its number if it has none (any more).</summary>
    public static string Of(long index)
    {
        var name = stackalloc byte[MaxLength];
        return Libc.IndexToName((uint)index, name) is null
            ? index.ToString(CultureInfo.InvariantCulture)
            : Marshal.PtrToStringUTF8((nint)name)!;
    }
}
