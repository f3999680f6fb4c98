using System.Runtime.InteropServices;

namespace UdpTunnel.Memory;

/// <summary>Zeroed native memory, aligned to a page. Pages that nobody touches cost nothing, and when it is disposed of all of it is the system's again.</summary>
/// <remarks>
/// Not from the C library: once a large block was freed, it keeps blocks of that size (M_MMAP_THRESHOLD of mallopt(3) grows) and clears them for the
/// next who asks for zeros, which touches every page. The two flow tables of a tunnel then take 8 MiB instead of nothing, for as long as the daemon runs.
/// </remarks>
internal sealed unsafe partial class NativeBuffer : IDisposable
{
    private const int ReadWrite = 1 | 2;
    private const int PrivateAnonymous = 0x02 | 0x20;

    private readonly nuint _length;

    /// <param name="length">In bytes.</param>
    /// <exception cref="IOException">The system has no room for it.</exception>
    public NativeBuffer(nuint length)
    {
        _length = length;
        var start = Map(null, length, ReadWrite, PrivateAnonymous, -1, 0);
        Start = (nint)start != -1 ? (byte*)start : throw new IOException($"no room for {length} bytes of memory");
    }

    /// <summary>The first byte.</summary>
    public byte* Start { get; private set; }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Start != null)
        {
            _ = Unmap(Start, _length);
            Start = null;
        }
    }

    // The two calls of the system that are made outside of Linux: this folder lies below it, and Packets use it.
    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial void* Map(void* address, nuint length, int protection, int flags, int descriptor, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(void* address, nuint length);
}
