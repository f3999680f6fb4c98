// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;

namespace UdpTunnel.Linux;

/// <summary>The running kernel (uname(2)), which needs no /proc: a confined daemon sees only a part of that.</summary>
internal static unsafe class Kernel
{
    // struct utsname: six strings of 65 bytes each, the third the release.
    private const int FieldSize = 65;
    private const int Fields = 6;
    private const int ReleaseField = 2;

    /// <summary>For example "6.1.0-13-amd64".</summary>
    public static string Release { get; } = ReadRelease();

    private static string ReadRelease()
    {
        var names = stackalloc byte[FieldSize * Fields];
        return Libc.SystemName(names) < 0
            ? throw LinuxException.Last("cannot ask for the kernel's release")
            : Marshal.PtrToStringUTF8((nint)(names + (FieldSize * ReleaseField)))!;
    }
}
