// SPDX-License-Identifier: BSD-3-Clause

using System.Security.Cryptography;

namespace UdpTunnel.WireGuard;

/// <summary>
/// Where chance comes from: keys, indices, nonces, jitter. Another one than the system's is for tests that are to be
/// repeated.
/// </summary>
internal abstract class RandomSource
{
    /// <summary>The system's, which cannot be foreseen.</summary>
    public static RandomSource System { get; } = new SystemSource();

    /// <summary>Fills a buffer.</summary>
    public abstract void Fill(Span<byte> output);

    /// <summary>A number of 32 bits.</summary>
    public uint NextUInt32()
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        Fill(bytes);
        return BitConverter.ToUInt32(bytes);
    }

    private sealed class SystemSource : RandomSource
    {
        public override void Fill(Span<byte> output) => RandomNumberGenerator.Fill(output);
    }
}
