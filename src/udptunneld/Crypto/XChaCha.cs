// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace UdpTunnel.Crypto;

/// <summary>
/// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): a nonce of 24 bytes, long enough to be chosen by chance. Its first
/// 16 bytes and the key make a key of its own, by HChaCha20; the other 8 are the nonce of ChaCha20-Poly1305 with that.
/// </summary>
/// <remarks>For one thread at a time.</remarks>
internal sealed unsafe class XChaCha : IDisposable
{
    /// <summary>Bytes of a nonce.</summary>
    public const int NonceSize = 24;

    private const int HashedNonce = 16;
    private const int Rounds = 10;

    private readonly ChaChaKey _seal = ChaChaKey.ForSealing(stackalloc byte[ChaChaKey.KeySize]);
    private readonly ChaChaKey _open = ChaChaKey.ForOpening(stackalloc byte[ChaChaKey.KeySize]);

    /// <summary>Seals in place, and writes the tag behind.</summary>
    /// <param name="key">32 bytes.</param>
    /// <param name="nonce">24 bytes, never the same twice with one key.</param>
    /// <param name="associated">Data that the tag vouches for, too.</param>
    /// <param name="text">The text and room for 16 bytes.</param>
    public bool Seal(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associated, Span<byte> text)
    {
        Span<byte> shortNonce = stackalloc byte[ChaChaKey.NonceSize];
        Use(_seal, key, nonce, shortNonce);
        fixed (byte* start = text)
        {
            return _seal.Seal(shortNonce, associated, start, text.Length - ChaChaKey.TagSize);
        }
    }

    /// <summary>Opens in place.</summary>
    /// <param name="key">32 bytes.</param>
    /// <param name="nonce">24 bytes.</param>
    /// <param name="associated">Data that the tag vouches for, too.</param>
    /// <param name="text">The sealed text and its tag.</param>
    /// <returns>Whether it is authentic.</returns>
    public bool Open(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associated, Span<byte> text)
    {
        Span<byte> shortNonce = stackalloc byte[ChaChaKey.NonceSize];
        Use(_open, key, nonce, shortNonce);
        fixed (byte* start = text)
        {
            return _open.Open(shortNonce, associated, start, text.Length);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _seal.Dispose();
        _open.Dispose();
    }

    /// <summary>
    /// HChaCha20, section 2.2 of the draft: ChaCha20's rounds without the final addition; the first and the last row
    /// are the result.
    /// </summary>
    /// <param name="key">32 bytes.</param>
    /// <param name="nonce">16 bytes.</param>
    /// <param name="output">32 bytes.</param>
    internal static void Hash(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, Span<byte> output)
    {
        // "expand 32-byte k", the key, the nonce.
        Span<uint> s = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        for (int i = 0; i < 8; i++)
        {
            s[4 + i] = BinaryPrimitives.ReadUInt32LittleEndian(key[(4 * i)..]);
        }

        for (int i = 0; i < 4; i++)
        {
            s[12 + i] = BinaryPrimitives.ReadUInt32LittleEndian(nonce[(4 * i)..]);
        }

        for (int round = 0; round < Rounds; round++)
        {
            for (int column = 0; column < 4; column++)
            {
                Mix(ref s[column], ref s[4 + column], ref s[8 + column], ref s[12 + column]);
            }

            for (int column = 0; column < 4; column++)
            {
                Mix(
                    ref s[column],
                    ref s[4 + ((column + 1) & 3)],
                    ref s[8 + ((column + 2) & 3)],
                    ref s[12 + ((column + 3) & 3)]
                );
            }
        }

        for (int i = 0; i < 4; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(output[(4 * i)..], s[i]);
            BinaryPrimitives.WriteUInt32LittleEndian(output[(16 + (4 * i))..], s[12 + i]);
        }

        CryptographicOperations.ZeroMemory(MemoryMarshal.AsBytes(s));
    }

    private static void Use(ChaChaKey cipher, ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, Span<byte> shortNonce)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(nonce.Length, NonceSize);
        Span<byte> subkey = stackalloc byte[ChaChaKey.KeySize];
        Hash(key, nonce[..HashedNonce], subkey);
        cipher.Replace(subkey);
        CryptographicOperations.ZeroMemory(subkey);
        shortNonce[..4].Clear();
        nonce[HashedNonce..].CopyTo(shortNonce[4..]);
    }

    /// <summary>ChaCha20's quarter round (RFC 8439, section 2.1).</summary>
    private static void Mix(ref uint a, ref uint b, ref uint c, ref uint d)
    {
        a += b;
        d = BitOperations.RotateLeft(d ^ a, 16);
        c += d;
        b = BitOperations.RotateLeft(b ^ c, 12);
        a += b;
        d = BitOperations.RotateLeft(d ^ a, 8);
        c += d;
        b = BitOperations.RotateLeft(b ^ c, 7);
    }
}
