// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;

namespace UdpTunnel.Tests.Packets;

/// <summary>
/// Memory between two pages that nobody may touch: reading or writing one byte before or behind what a test gives away
/// ends the test program with a fault.
/// </summary>
internal sealed unsafe partial class GuardedMemory : IDisposable
{
    private const int ProtNone = 0;
    private const int ProtReadWrite = 1 | 2;
    private const int MapPrivateAnonymous = 0x02 | 0x20;

    private readonly byte* _mapping;
    private readonly nuint _mapped;

    public GuardedMemory(int length)
    {
        int page = Environment.SystemPageSize;
        Length = (length + page - 1) / page * page;
        _mapped = (nuint)(Length + (2 * page));
        _mapping = (byte*)Map(null, _mapped, ProtNone, MapPrivateAnonymous, -1, 0);
        if ((nint)_mapping == -1 || Protect(_mapping + page, (nuint)Length, ProtReadWrite) != 0)
        {
            throw new InvalidOperationException($"mmap: errno {Marshal.GetLastPInvokeError()}");
        }

        Start = _mapping + page;
    }

    /// <summary>First byte that may be touched.</summary>
    public byte* Start { get; }

    /// <summary>Bytes that may be touched: a multiple of the page size.</summary>
    public int Length { get; }

    /// <summary>Places bytes so that the forbidden page begins right behind them.</summary>
    public byte* PlaceAtEnd(ReadOnlySpan<byte> bytes)
    {
        byte* place = Start + Length - bytes.Length;
        bytes.CopyTo(new Span<byte>(place, bytes.Length));
        return place;
    }

    /// <summary>Places bytes so that the forbidden page ends that many bytes before them.</summary>
    public byte* PlaceAtStart(ReadOnlySpan<byte> bytes, int room)
    {
        bytes.CopyTo(new Span<byte>(Start + room, bytes.Length));
        return Start + room;
    }

    public void Dispose() => _ = Unmap(_mapping, _mapped);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial void* Map(void* address, nuint length, int protection, int flags, int fd, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int Protect(void* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int Unmap(void* address, nuint length);
}
