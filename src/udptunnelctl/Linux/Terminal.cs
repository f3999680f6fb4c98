// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Cli.Linux;

/// <summary>The terminal behind a file descriptor.</summary>
internal static unsafe class Terminal
{
    /// <summary>Columns and rows; 0 where they are not known or this is no terminal.</summary>
    public static (int Columns, int Rows) Size(int descriptor)
    {
        WindowSize size = default;
        return Libc.Ioctl(descriptor, Libc.GetWindowSize, &size) == 0 ? (size.Columns, size.Rows) : (0, 0);
    }

    /// <summary>How the terminal handles keys; null if this is no terminal.</summary>
    public static TerminalMode? Mode(int descriptor)
    {
        TerminalMode mode;
        return Libc.Ioctl(descriptor, Libc.GetMode, &mode) == 0 ? mode : null;
    }

    /// <summary>Sets how the terminal handles keys. What fails here has no remedy: the terminal is gone.</summary>
    public static void Set(int descriptor, TerminalMode mode) => _ = Libc.Ioctl(descriptor, Libc.SetMode, &mode);

    /// <summary>Stops this process as Ctrl-Z does, until the shell lets it go on; returns then.</summary>
    public static void StopProcess() => _ = Libc.Kill(Environment.ProcessId, Libc.SigStop);
}
