// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;

namespace UdpTunnel.Memory;

/// <summary>
/// Zeroed native memory, aligned to a page. Pages that nobody touches cost nothing, and when it is disposed of all of
/// it is the system's again.
/// </summary>
/// <remarks>
/// Not from the C library: once a large block was freed, it keeps blocks of that size (M_MMAP_THRESHOLD of mallopt(3)
/// grows) and clears them for the next who asks for zeros, which touches every page. The two flow tables of a tunnel
/// then take 8 MiB instead of nothing, for as long as the daemon runs.
/// <para>
/// Given back by its owner, or by the garbage collector where a constructor threw before its object had an owner.
/// </para>
/// </remarks>
internal sealed unsafe partial class NativeBuffer : SafeHandle
{
    private const int ReadWrite = 1 | 2;
    private const int PrivateAnonymous = 0x02 | 0x20;

    private readonly nuint _length;

    /// <param name="length">In bytes.</param>
    /// <exception cref="IOException">The system has no room for it.</exception>
    public NativeBuffer(nuint length)
        : base(0, ownsHandle: true)
    {
        _length = length;
        var start = Map(null, length, ReadWrite, PrivateAnonymous, -1, 0);
        if ((nint)start == -1)
        {
            throw new IOException($"no room for {length} bytes of memory");
        }

        SetHandle((nint)start);
        Start = (byte*)start;
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>The first byte; null after the memory was given back.</summary>
    public byte* Start { get; private set; }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        Start = null;
        base.Dispose(disposing);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => Unmap((void*)handle, _length) == 0;

    // The two calls of the system that are made outside of Linux: this folder lies below it, and Packets use it.
    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial void* Map(
        void* address,
        nuint length,
        int protection,
        int flags,
        int descriptor,
        nint offset
    );

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(void* address, nuint length);
}
