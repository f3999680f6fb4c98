// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;

namespace UdpTunnel.Linux;

/// <summary>
/// A file descriptor with one owner. Closed once: by its owner, or by the garbage collector where a constructor threw
/// before its object had an owner.
/// </summary>
internal sealed class FileDescriptor : SafeHandle
{
    /// <param name="number">As the kernel gave it; a negative number is no descriptor and is not closed.</param>
    public FileDescriptor(int number)
        : base(-1, ownsHandle: true) => SetHandle(number);

    /// <inheritdoc/>
    public override bool IsInvalid => handle < 0;

    /// <summary>The descriptor for a system call; -1, which the kernel refuses, after it was closed.</summary>
    public int Number => IsClosed ? -1 : (int)handle;

    /// <summary>Takes the result of a system call that opens something.</summary>
    /// <param name="number">The result.</param>
    /// <param name="failure">What could not be done, for the message.</param>
    /// <exception cref="LinuxException">The result is an error.</exception>
    public static FileDescriptor Take(int number, string failure) =>
        number >= 0 ? new FileDescriptor(number) : throw LinuxException.Last(failure);

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => Libc.Close((int)handle) == 0;
}
