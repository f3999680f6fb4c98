// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace UdpTunnel.Crypto;

/// <summary>
/// ChaCha20-Poly1305 (RFC 8439) with one key in one direction, ready to be used for one packet after the other without
/// an allocation. The nonce is a counter: four zero bytes and 64 bits, little-endian, as Noise has it. Packets are
/// sealed and opened in place, the tag of 16 bytes behind them.
/// </summary>
/// <remarks>For one thread at a time. OpenSSL zeroes the key when the handle is released.</remarks>
internal sealed unsafe class ChaChaKey : SafeHandle
{
    /// <summary>Bytes of a key.</summary>
    public const int KeySize = 32;

    /// <summary>Bytes of a tag.</summary>
    public const int TagSize = 16;

    /// <summary>Bytes of a nonce.</summary>
    public const int NonceSize = 12;

    // 512 bytes take about 0.4 µs.
    private const int Brief = 512;

    private readonly bool _seals;

    private ChaChaKey(bool seals)
        : base(0, ownsHandle: true)
    {
        _seals = seals;
        var cipher = LibCrypto.ChaCha20Poly1305;
        SetHandle(LibCrypto.NewCipher());
        if (IsInvalid || LibCrypto.StartCipher(handle, cipher, 0, null, null, seals ? 1 : 0) != 1)
        {
            throw LibCrypto.Failure("cannot start ChaCha20-Poly1305");
        }
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>Makes a key that only seals.</summary>
    /// <param name="key">32 bytes; the caller zeroes its copy.</param>
    /// <exception cref="CryptoException">OpenSSL is missing or refuses.</exception>
    public static ChaChaKey ForSealing(ReadOnlySpan<byte> key) => Make(seals: true, key);

    /// <summary>Makes a key that only opens.</summary>
    /// <param name="key">32 bytes; the caller zeroes its copy.</param>
    /// <exception cref="CryptoException">OpenSSL is missing or refuses.</exception>
    public static ChaChaKey ForOpening(ReadOnlySpan<byte> key) => Make(seals: false, key);

    /// <summary>Takes another key in place of the one that it had.</summary>
    /// <param name="key">32 bytes.</param>
    /// <exception cref="CryptoException">OpenSSL refuses.</exception>
    public void Replace(ReadOnlySpan<byte> key)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, KeySize);
        fixed (byte* start = key)
        {
            if (LibCrypto.StartCipher(handle, 0, 0, start, null, -1) != 1)
            {
                throw LibCrypto.Failure("cannot set a key of ChaCha20-Poly1305");
            }
        }
    }

    /// <summary>Seals in place, and writes the tag behind. No data is authenticated beside it.</summary>
    /// <param name="counter">Of the nonce; never the same twice with one key.</param>
    /// <param name="text">The text, with room for 16 bytes behind.</param>
    /// <param name="length">Length of the text.</param>
    /// <returns>Whether OpenSSL did, which only a lack of memory may hinder.</returns>
    public bool Seal(ulong counter, byte* text, int length)
    {
        Span<byte> nonce = stackalloc byte[NonceSize];
        WriteNonce(nonce, counter);
        return Seal(nonce, default, text, length);
    }

    /// <summary>Opens in place.</summary>
    /// <param name="counter">Of the nonce.</param>
    /// <param name="text">The sealed text and its tag.</param>
    /// <param name="length">Length of both; at least 16.</param>
    /// <returns>Whether it is authentic. If not, the text has become garbage.</returns>
    public bool Open(ulong counter, byte* text, int length)
    {
        Span<byte> nonce = stackalloc byte[NonceSize];
        WriteNonce(nonce, counter);
        return Open(nonce, default, text, length);
    }

    /// <summary>
    /// As <see cref="Seal(ulong, byte*, int)"/>, with any nonce and with data that the tag vouches for, too.
    /// </summary>
    [SkipLocalsInit]
    public bool Seal(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associated, byte* text, int length)
    {
        CheckUse(seals: true, nonce);
        int written;
        byte* rest = stackalloc byte[TagSize];
        return Start(nonce, associated)
            && Transform(text, length)
            && LibCrypto.FinishCipher(handle, rest, &written) == 1
            && LibCrypto.ControlCipher(handle, LibCrypto.GetTag, TagSize, text + length) == 1;
    }

    /// <summary>
    /// As <see cref="Open(ulong, byte*, int)"/>, with any nonce and with data that the tag vouches for, too.
    /// </summary>
    [SkipLocalsInit]
    public bool Open(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associated, byte* text, int length)
    {
        CheckUse(seals: false, nonce);
        if (length < TagSize)
        {
            return false;
        }

        int written;
        byte* rest = stackalloc byte[TagSize];
        length -= TagSize;
        return Start(nonce, associated)
            && Transform(text, length)
            && LibCrypto.ControlCipher(handle, LibCrypto.SetTag, TagSize, text + length) == 1
            && LibCrypto.FinishCipher(handle, rest, &written) == 1;
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        LibCrypto.FreeCipher(handle);
        return true;
    }

    private static void WriteNonce(Span<byte> nonce, ulong counter)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(nonce, 0);
        BinaryPrimitives.WriteUInt64LittleEndian(nonce[4..], counter);
    }

    private static ChaChaKey Make(bool seals, ReadOnlySpan<byte> key)
    {
        var made = new ChaChaKey(seals);
        made.Replace(key);
        return made;
    }

    private void CheckUse(bool seals, ReadOnlySpan<byte> nonce)
    {
        if (IsClosed || _seals != seals || nonce.Length != NonceSize)
        {
            Misused(seals, nonce.Length);
        }
    }

    private void Misused(bool seals, int nonceLength)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        ArgumentOutOfRangeException.ThrowIfNotEqual(nonceLength, NonceSize);
        throw new InvalidOperationException(seals ? "this key only opens" : "this key only seals");
    }

    private bool Start(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> associated)
    {
        fixed (
            byte* start = nonce,
                data = associated
        )
        {
            int written;
            return LibCrypto.StartCipher(handle, 0, 0, null, start, -1) == 1
                && (associated.IsEmpty || LibCrypto.UpdateCipher(handle, null, &written, data, associated.Length) == 1);
        }
    }

    /// <remarks>Nothing at all would be taken for associated data by OpenSSL if the output is null.</remarks>
    private bool Transform(byte* text, int length)
    {
        int written;
        return length == 0
            || (
                length <= Brief
                    ? LibCrypto.UpdateCipherBriefly(handle, text, &written, text, length)
                    : LibCrypto.UpdateCipher(handle, text, &written, text, length)
            ) == 1;
    }
}
