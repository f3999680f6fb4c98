// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Crypto;

namespace UdpTunnel.Tests.Crypto;

/// <summary>Memory for keys: zero at first, zeroed on demand, out of reach when it is disposed of.</summary>
public sealed class SecretMemoryTests
{
    [Fact]
    public void Bytes_are_zero_until_written_and_after_clearing()
    {
        using var memory = new SecretMemory(100);
        Assert.Equal(new byte[100], memory.Bytes.ToArray());
        memory.Bytes.Fill(7);
        Assert.Equal(7, memory.Bytes[99]);
        memory.Clear();
        Assert.Equal(new byte[100], memory.Bytes.ToArray());
    }

    [Fact]
    public void Nobody_gets_at_it_after_it_was_disposed_of()
    {
        var memory = new SecretMemory(100);
        memory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => memory.Bytes.Length);
        Assert.Throws<ObjectDisposedException>(memory.Clear);
    }
}
