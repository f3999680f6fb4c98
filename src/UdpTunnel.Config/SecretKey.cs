// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace UdpTunnel.Config;

/// <summary>
/// A private key or a preshared key of a secure tunnel: 32 bytes, as text in base64. Only <see cref="Reveal"/> shows
/// it.
/// </summary>
public sealed class SecretKey : IEquatable<SecretKey>
{
    /// <summary>Bytes of a key.</summary>
    public const int Size = 32;

    /// <summary>What stands for a secret where it must not be shown.</summary>
    public const string Hidden = "(hidden)";

    private readonly byte[] _bytes = new byte[Size];

    private SecretKey(ReadOnlySpan<byte> bytes) => bytes.CopyTo(_bytes);

    /// <summary>The key. It stays the object's own.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>
    /// Whether the bits have the values that X25519 gives them anyway (RFC 7748, section 5). <c>wg genkey</c> sets
    /// them; of the public keys, one in sixteen happens to have them.
    /// </summary>
    public bool IsClamped => (_bytes[0] & 7) == 0 && (_bytes[^1] & 0xC0) == 0x40;

    /// <summary>Takes the bytes of a key.</summary>
    /// <param name="bytes">32 bytes; the caller zeroes its copy.</param>
    /// <returns>The key.</returns>
    public static SecretKey FromBytes(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(bytes.Length, Size);
        return new SecretKey(bytes);
    }

    /// <summary>Reads base64.</summary>
    /// <param name="text">The text.</param>
    /// <param name="key">The key, if it is one.</param>
    /// <param name="error">What is wrong and what is allowed, if not; it does not show the text.</param>
    /// <returns>Whether it is that of exactly 32 bytes.</returns>
    public static bool TryParse(
        string text,
        [NotNullWhen(true)] out SecretKey? key,
        [NotNullWhen(false)] out string? error
    )
    {
        Span<byte> bytes = stackalloc byte[Size];
        error = KeyText.TryDecode(text, bytes);
        key = error is null ? new SecretKey(bytes) : null;
        CryptographicOperations.ZeroMemory(bytes);
        return error is null;
    }

    /// <summary>The key in base64. A secret: not for a log, nor for a screen unless somebody asked for it.</summary>
    /// <returns>44 characters.</returns>
    public string Reveal() => Convert.ToBase64String(_bytes);

    /// <summary>Not the key.</summary>
    /// <returns><c>(hidden)</c>.</returns>
    public override string ToString() => Hidden;

    /// <inheritdoc/>
    public bool Equals(SecretKey? other) =>
        other is not null && CryptographicOperations.FixedTimeEquals(_bytes, other._bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SecretKey);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(_bytes);
        return hash.ToHashCode();
    }
}
