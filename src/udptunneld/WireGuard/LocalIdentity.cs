// SPDX-License-Identifier: BSD-3-Clause

using System.Security.Cryptography;
using UdpTunnel.Config;
using UdpTunnel.Crypto;

namespace UdpTunnel.WireGuard;

/// <summary>This end's key, and what follows from it.</summary>
internal sealed class LocalIdentity : IDisposable
{
    private readonly byte[] _publicKey = new byte[X25519PrivateKey.Size];

    private LocalIdentity(X25519PrivateKey privateKey)
    {
        PrivateKey = privateKey;
        privateKey.ExportPublicKey(_publicKey);
        Key = new PublicKey(_publicKey);
    }

    /// <summary>The private key.</summary>
    public X25519PrivateKey PrivateKey { get; }

    /// <summary>The public key.</summary>
    public PublicKey Key { get; }

    /// <summary>Its bytes.</summary>
    public ReadOnlySpan<byte> PublicKeyBytes => _publicKey;

    /// <summary>Takes a private key.</summary>
    /// <param name="privateKey">32 bytes; the caller zeroes its copy.</param>
    /// <exception cref="CryptoException">OpenSSL is missing or refuses.</exception>
    public static LocalIdentity Import(ReadOnlySpan<byte> privateKey) => new(X25519PrivateKey.Import(privateKey));

    /// <summary>
    /// Makes a private key, with the bits set that X25519 sets anyway, so that every program shows it alike.
    /// </summary>
    /// <param name="random">Chance.</param>
    /// <param name="privateKey">32 bytes, for the caller to keep and to zero.</param>
    public static void Generate(RandomSource random, Span<byte> privateKey)
    {
        random.Fill(privateKey);
        privateKey[0] &= 0xF8;
        privateKey[31] = (byte)((privateKey[31] & 0x7F) | 0x40);
    }

    /// <summary>A key for one handshake.</summary>
    internal static X25519PrivateKey MakeEphemeral(RandomSource random)
    {
        Span<byte> bytes = stackalloc byte[X25519PrivateKey.Size];
        Generate(random, bytes);
        var key = X25519PrivateKey.Import(bytes);
        CryptographicOperations.ZeroMemory(bytes);
        return key;
    }

    /// <inheritdoc/>
    public void Dispose() => PrivateKey.Dispose();
}
