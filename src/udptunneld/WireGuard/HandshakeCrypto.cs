// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Crypto;

namespace UdpTunnel.WireGuard;

/// <summary>
/// The primitives of handshakes, with a context of each that all handshakes of a tunnel take turns with.
/// </summary>
/// <remarks>For one thread at a time.</remarks>
internal sealed unsafe class HandshakeCrypto : IDisposable
{
    private readonly ChaChaKey _seal = ChaChaKey.ForSealing(stackalloc byte[ChaChaKey.KeySize]);
    private readonly ChaChaKey _open = ChaChaKey.ForOpening(stackalloc byte[ChaChaKey.KeySize]);

    /// <summary>Digests, authentication codes and keys from keys.</summary>
    public Blake2s Blake2s { get; } = new();

    /// <summary>For cookies.</summary>
    public XChaCha XChaCha { get; } = new();

    /// <summary>Seals with a key that is used only once, so that its nonce is 0.</summary>
    /// <param name="key">32 bytes.</param>
    /// <param name="associated">Data that the tag vouches for, too.</param>
    /// <param name="text">The text and room for 16 bytes.</param>
    public void Seal(ReadOnlySpan<byte> key, ReadOnlySpan<byte> associated, Span<byte> text)
    {
        _seal.Replace(key);
        fixed (byte* start = text)
        {
            if (!_seal.Seal(stackalloc byte[ChaChaKey.NonceSize], associated, start, text.Length - ChaChaKey.TagSize))
            {
                throw new CryptoException("cannot seal a handshake");
            }
        }
    }

    /// <summary>Opens what <see cref="Seal"/> made, in place.</summary>
    /// <returns>Whether it is authentic.</returns>
    public bool Open(ReadOnlySpan<byte> key, ReadOnlySpan<byte> associated, Span<byte> text)
    {
        _open.Replace(key);
        fixed (byte* start = text)
        {
            return _open.Open(stackalloc byte[ChaChaKey.NonceSize], associated, start, text.Length);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _seal.Dispose();
        _open.Dispose();
        Blake2s.Dispose();
        XChaCha.Dispose();
    }
}
