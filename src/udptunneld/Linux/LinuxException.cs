// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;

namespace UdpTunnel.Linux;

/// <summary>The kernel refused something while a tunnel was being set up. Never thrown on the packet path.</summary>
internal sealed class LinuxException : IOException
{
    /// <param name="what">What was attempted, as the start of a sentence: "cannot open /dev/net/tun".</param>
    /// <param name="errno">Why it was refused.</param>
    public LinuxException(string what, Errno errno)
        : base($"{what}: {TextOf(errno)}")
    {
        Errno = errno;
    }

    /// <summary>Why it was refused.</summary>
    public Errno Errno { get; }

    /// <summary>An error in the system's words: "Network is unreachable".</summary>
    public static string TextOf(Errno errno) => Marshal.GetPInvokeErrorMessage((int)errno);

    /// <summary>The error of the system call that this thread made last.</summary>
    public static LinuxException Last(string what) => new(what, Libc.LastError);
}
