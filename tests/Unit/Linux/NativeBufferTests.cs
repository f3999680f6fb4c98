// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;
using UdpTunnel.Memory;

namespace UdpTunnel.Tests.Linux;

public sealed unsafe partial class NativeBufferTests
{
    private const int Length = 4 << 20;

    [Fact]
    public void Memory_that_nobody_touched_costs_nothing_also_after_others_were_used_and_freed()
    {
        for (var i = 0; i < 8; i++)
        {
            using var buffer = new NativeBuffer(Length);
            Assert.Equal(0, ResidentPages(buffer.Start));
            Assert.Equal(-1, new Span<byte>(buffer.Start, Length).IndexOfAnyExcept<byte>(0));
            new Span<byte>(buffer.Start, Length).Fill(1);
            Assert.InRange(ResidentPages(buffer.Start), 1, Length / Environment.SystemPageSize);
        }
    }

    [Fact]
    public void More_than_there_can_be_is_refused() =>
        Assert.Throws<IOException>(() => new NativeBuffer((nuint)1 << 62));

    /// <summary>Whole pages of a buffer that are in memory.</summary>
    private static int ResidentPages(byte* start)
    {
        var page = Environment.SystemPageSize;
        var first = (byte*)(((nuint)start + (nuint)page - 1) & ~((nuint)page - 1));
        var pages = new byte[(start + Length - first) / page];
        fixed (byte* states = pages)
        {
            Assert.Equal(0, InCore(first, (nuint)(pages.Length * page), states));
        }

        return pages.Count(state => (state & 1) != 0);
    }

    [LibraryImport("libc", EntryPoint = "mincore", SetLastError = true)]
    private static partial int InCore(void* start, nuint length, byte* states);
}
