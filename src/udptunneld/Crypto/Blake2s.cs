// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace UdpTunnel.Crypto;

/// <summary>
/// BLAKE2s (RFC 7693) in its three uses here: a digest of 32 bytes, a keyed authentication code of 16, and HKDF over
/// HMAC as Noise and WireGuard have it.
/// </summary>
/// <remarks>
/// For one thread at a time: it keeps one context of each, so that nothing is allocated for a message.
/// </remarks>
internal sealed unsafe class Blake2s : SafeHandle
{
    /// <summary>Bytes of a digest.</summary>
    public const int Size = 32;

    /// <summary>Bytes of an authentication code.</summary>
    public const int MacSize = 16;

    private const int BlockSize = 64;

    private readonly nint _algorithm = LibCrypto.Blake2s;
    private readonly MacHandle _mac = new(LibCrypto.Blake2sMac);

    /// <exception cref="CryptoException">OpenSSL is missing or refuses.</exception>
    public Blake2s()
        : base(0, ownsHandle: true)
    {
        SetHandle(LibCrypto.NewDigest());
        if (IsInvalid || LibCrypto.StartDigest(handle, _algorithm, 0) != 1)
        {
            throw LibCrypto.Failure("cannot start BLAKE2s");
        }
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>The digest of two pieces, one behind the other. The output may be one of them.</summary>
    public void Hash(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> output)
    {
        Start();
        Update(first);
        Update(second);
        Finish(output);
    }

    /// <summary>
    /// An authentication code of 16 bytes: BLAKE2s with a key and that output length, which is more than a longer one
    /// cut off.
    /// </summary>
    /// <param name="key">1 to 32 bytes.</param>
    /// <param name="first">The message.</param>
    /// <param name="second">The rest of the message, if it lies elsewhere.</param>
    /// <param name="output">16 bytes.</param>
    public void Mac(ReadOnlySpan<byte> key, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> output) =>
        _mac.Compute(key, first, second, output);

    /// <summary>
    /// HKDF (RFC 5869) with HMAC-BLAKE2s and no info: one, two or three keys from a chaining key and new material.
    /// </summary>
    /// <param name="chainingKey">At most 64 bytes.</param>
    /// <param name="material">Of any length.</param>
    /// <param name="first">32 bytes; may be the chaining key.</param>
    /// <param name="second">32 bytes, or empty.</param>
    /// <param name="third">32 bytes, or empty.</param>
    public void DeriveKeys(
        ReadOnlySpan<byte> chainingKey,
        ReadOnlySpan<byte> material,
        Span<byte> first,
        Span<byte> second,
        Span<byte> third
    )
    {
        Span<byte> extracted = stackalloc byte[Size];
        Span<byte> input = stackalloc byte[Size + 1];
        Authenticate(chainingKey, material, extracted);
        input[Size] = 1;
        Authenticate(extracted, input[Size..], first);
        if (!second.IsEmpty)
        {
            Extend(extracted, first, 2, input, second);
        }

        if (!third.IsEmpty)
        {
            Extend(extracted, second, 3, input, third);
        }

        CryptographicOperations.ZeroMemory(extracted);
        CryptographicOperations.ZeroMemory(input);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _mac.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        LibCrypto.FreeDigest(handle);
        return true;
    }

    private void Extend(
        ReadOnlySpan<byte> key,
        ReadOnlySpan<byte> before,
        byte number,
        Span<byte> input,
        Span<byte> output
    )
    {
        before.CopyTo(input);
        input[Size] = number;
        Authenticate(key, input, output);
    }

    /// <summary>HMAC (RFC 2104).</summary>
    private void Authenticate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> message, Span<byte> output)
    {
        Span<byte> block = stackalloc byte[BlockSize];
        Span<byte> inner = stackalloc byte[Size];
        Pad(key, 0x36, block);
        Hash(block, message, inner);
        Pad(key, 0x5c, block);
        Hash(block, inner, output);
        CryptographicOperations.ZeroMemory(block);
        CryptographicOperations.ZeroMemory(inner);
    }

    private static void Pad(ReadOnlySpan<byte> key, byte value, Span<byte> block)
    {
        block.Fill(value);
        for (int i = 0; i < key.Length; i++)
        {
            block[i] ^= key[i];
        }
    }

    private void Start()
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        Require(LibCrypto.StartDigest(handle, _algorithm, 0));
    }

    private void Update(ReadOnlySpan<byte> input)
    {
        fixed (byte* start = input)
        {
            Require(LibCrypto.UpdateDigest(handle, start, (nuint)input.Length));
        }
    }

    private void Finish(Span<byte> output)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(output.Length, Size);
        fixed (byte* start = output)
        {
            Require(LibCrypto.FinishDigest(handle, start, null));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Require(int result)
    {
        if (result != 1)
        {
            throw LibCrypto.Failure("BLAKE2s failed");
        }
    }

    /// <summary>The context of the keyed form, with the length of its output.</summary>
    private sealed class MacHandle : SafeHandle
    {
        public MacHandle(nint algorithm)
            : base(0, ownsHandle: true)
        {
            SetHandle(LibCrypto.NewMac(algorithm));
            if (IsInvalid)
            {
                throw LibCrypto.Failure("cannot start keyed BLAKE2s");
            }
        }

        public override bool IsInvalid => handle == 0;

        public void Compute(
            ReadOnlySpan<byte> key,
            ReadOnlySpan<byte> first,
            ReadOnlySpan<byte> second,
            Span<byte> output
        )
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            ArgumentOutOfRangeException.ThrowIfNotEqual(output.Length, MacSize);
            nuint size = MacSize;
            nuint written;
            fixed (
                byte* name = "size\0"u8,
                    keyStart = key
            )
            fixed (
                byte* firstStart = first,
                    secondStart = second,
                    outputStart = output
            )
            {
                var parameters = stackalloc LibCrypto.MacParameter[2];
                parameters[0] = new()
                {
                    Name = name,
                    Type = LibCrypto.MacParameter.UnsignedInteger,
                    Value = &size,
                    Length = (nuint)sizeof(nuint),
                };
                parameters[1] = default;
                Require(LibCrypto.StartMac(handle, keyStart, (nuint)key.Length, parameters));
                Require(LibCrypto.UpdateMac(handle, firstStart, (nuint)first.Length));
                Require(LibCrypto.UpdateMac(handle, secondStart, (nuint)second.Length));
                Require(LibCrypto.FinishMac(handle, outputStart, &written, MacSize));
            }
        }

        protected override bool ReleaseHandle()
        {
            LibCrypto.FreeMac(handle);
            return true;
        }
    }
}
