using System.Runtime.InteropServices;

namespace UdpTunnel.Packets;

/// <summary>Zeroed native memory, aligned to a cache line. Pages that nobody touches cost nothing.</summary>
internal sealed unsafe class NativeBuffer : IDisposable
{
    private const nuint CacheLine = 64;

    /// <param name="length">In bytes.</param>
    public NativeBuffer(nuint length)
    {
        // calloc takes large blocks from the kernel as zero pages and does not touch them; clearing them here would.
        _block = (byte*)NativeMemory.AllocZeroed(length + CacheLine);
        Start = (byte*)(((nuint)_block + CacheLine - 1) & ~(CacheLine - 1));
    }

    private byte* _block;

    /// <summary>The first byte; 64-byte aligned.</summary>
    public byte* Start { get; private set; }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.Free(_block);
        _block = null;
        Start = null;
    }
}
