// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Linux;

/// <summary>
/// How many descriptors the process may have (RLIMIT_NOFILE), of which strangers' flows must leave some: for the
/// control socket, for files, and for the next connection.
/// </summary>
internal static unsafe class DescriptorLimit
{
    private const int RLIMIT_NOFILE = 7;
    private const ulong Reserve = 64;

    /// <summary>Whether a descriptor, which the kernel gave as the lowest free one, is among the last.</summary>
    public static bool IsReserved(int descriptor)
    {
        // Asked each time, for it can be changed while the process runs (prlimit).
        var limit = default(Libc.ResourceLimit);
        return Libc.GetLimit(RLIMIT_NOFILE, &limit) == 0
            && (ulong)descriptor >= limit.Current - Math.Min(Reserve, limit.Current / 4);
    }
}
