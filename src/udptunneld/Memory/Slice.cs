// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;

namespace UdpTunnel.Memory;

/// <summary>
/// A piece of native memory. The layout is the kernel's <c>struct iovec</c>, so that a list of slices is handed to a
/// system call as it is.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly unsafe struct Slice(byte* start, int length)
{
    /// <summary>First byte; valid as long as the buffer that it points into.</summary>
    public readonly byte* Start = start;

    private readonly nint _length = length;

    /// <summary>Length in bytes.</summary>
    public int Length => (int)_length;

    /// <summary>The bytes.</summary>
    public Span<byte> Span => new(Start, Length);
}
