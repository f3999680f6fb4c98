// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;
using System.Security.Cryptography;
using UdpTunnel.Config;

namespace UdpTunnel.Crypto;

/// <summary>A private key of X25519 (RFC 7748), owned by OpenSSL, which zeroes it when it is released.</summary>
internal sealed unsafe class X25519PrivateKey : SafeHandle
{
    /// <summary>Bytes of a private key, of a public key and of what two of them agree on.</summary>
    public const int Size = 32;

    /// <summary>An empty handle, for <see cref="Import"/> and the marshaller.</summary>
    internal X25519PrivateKey()
        : base(0, ownsHandle: true) { }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>Takes a key.</summary>
    /// <param name="key">32 bytes, any; the caller zeroes its copy.</param>
    /// <exception cref="CryptoException">OpenSSL is missing or refuses.</exception>
    public static X25519PrivateKey Import(ReadOnlySpan<byte> key)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, Size);
        var imported = new X25519PrivateKey();
        fixed (byte* start = key)
        {
            try
            {
                imported.SetHandle(LibCrypto.ImportPrivateKey(LibCrypto.X25519, 0, start, Size));
            }
            catch (DllNotFoundException)
            {
                // Says what is missing.
                _ = LibCrypto.Blake2s;
                throw;
            }
        }

        return !imported.IsInvalid ? imported : throw LibCrypto.Failure("cannot make an X25519 key");
    }

    /// <summary>The public key of a private key in a configuration.</summary>
    /// <param name="key">The private key.</param>
    /// <exception cref="CryptoException">OpenSSL is missing or refuses.</exception>
    public static PublicKey PublicKeyOf(SecretKey key)
    {
        using var imported = Import(key.Bytes);
        Span<byte> bytes = stackalloc byte[Size];
        imported.ExportPublicKey(bytes);
        return new PublicKey(bytes);
    }

    /// <summary>Writes the public key that belongs to it.</summary>
    /// <param name="output">32 bytes.</param>
    public void ExportPublicKey(Span<byte> output)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        ArgumentOutOfRangeException.ThrowIfNotEqual(output.Length, Size);
        nuint length = Size;
        fixed (byte* start = output)
        {
            if (LibCrypto.ExportPublicKey(handle, start, &length) != 1)
            {
                throw LibCrypto.Failure("cannot read an X25519 key");
            }
        }
    }

    /// <summary>What this key and another's public key agree on.</summary>
    /// <param name="publicKey">32 bytes that a stranger may have chosen.</param>
    /// <param name="shared">32 bytes; zero if there is no agreement.</param>
    /// <returns>False if the public key is one of the few for which everybody would get zero.</returns>
    public bool Agree(ReadOnlySpan<byte> publicKey, Span<byte> shared)
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        ArgumentOutOfRangeException.ThrowIfNotEqual(publicKey.Length, Size);
        ArgumentOutOfRangeException.ThrowIfNotEqual(shared.Length, Size);
        nuint length = Size;
        nint other = 0;
        nint context = 0;
        try
        {
            fixed (
                byte* start = publicKey,
                    output = shared
            )
            {
                other = LibCrypto.ImportPublicKey(LibCrypto.X25519, 0, start, Size);
                context = LibCrypto.NewAgreement(handle, 0);
                if (
                    other != 0
                    && context != 0
                    && LibCrypto.StartAgreement(context) == 1
                    && LibCrypto.SetAgreementPeer(context, other) == 1
                    && LibCrypto.Agree(context, output, &length) == 1
                )
                {
                    return true;
                }
            }

            LibCrypto.ClearErrors();
            CryptographicOperations.ZeroMemory(shared);
            return false;
        }
        finally
        {
            LibCrypto.FreeAgreement(context);
            LibCrypto.FreeKey(other);
        }
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        LibCrypto.FreeKey(handle);
        return true;
    }
}
