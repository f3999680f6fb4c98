// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;

namespace UdpTunnel.Cli.Linux;

/// <summary>
/// The C library: what .NET does not offer of a terminal. Only this folder makes system calls. Numbers and layouts hold
/// for x86-64 and arm64 alike (asm-generic/ioctls.h, asm-generic/termbits.h).
/// </summary>
internal static unsafe partial class Libc
{
    /// <summary>Reads a <see cref="TerminalMode"/>.</summary>
    public const nuint GetMode = 0x5401;

    /// <summary>Sets a <see cref="TerminalMode"/> when what was written has gone out (TCSETSW).</summary>
    public const nuint SetMode = 0x5403;

    /// <summary>Reads a <see cref="WindowSize"/>.</summary>
    public const nuint GetWindowSize = 0x5413;

    /// <summary>Stops a process until SIGCONT; cannot be caught.</summary>
    public const int SigStop = 19;

    [LibraryImport("libc", EntryPoint = "ioctl")]
    public static partial int Ioctl(int descriptor, nuint request, void* argument);

    [LibraryImport("libc", EntryPoint = "kill")]
    public static partial int Kill(int process, int signal);
}
