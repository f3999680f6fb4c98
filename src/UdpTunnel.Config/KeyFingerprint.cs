// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics.CodeAnalysis;

namespace UdpTunnel.Config;

/// <summary>A relay peer's identity: <c>SHA256:</c> and the base64 of the SHA-256 hash of its public key.</summary>
public sealed record KeyFingerprint
{
    private const string Prefix = "SHA256:";
    private const int HashLength = 32;

    private readonly string _text;

    private KeyFingerprint(string text) => _text = text;

    /// <summary>The fingerprint for a hash.</summary>
    /// <param name="sha256">The hash, 32 bytes.</param>
    /// <returns>The fingerprint.</returns>
    /// <exception cref="ArgumentException">The hash has another length.</exception>
    public static KeyFingerprint FromHash(ReadOnlySpan<byte> sha256)
    {
        if (sha256.Length != HashLength)
        {
            throw new ArgumentException($"A SHA-256 hash has {HashLength} bytes.", nameof(sha256));
        }

        return new KeyFingerprint(Prefix + Convert.ToBase64String(sha256));
    }

    /// <summary>Reads a fingerprint; the base64 padding ('=') may be missing, as OpenSSH prints it.</summary>
    /// <param name="text">The text.</param>
    /// <param name="fingerprint">The fingerprint, if it is one.</param>
    /// <param name="error">What was read and what is allowed, if it is none.</param>
    /// <returns>True if it is one.</returns>
    public static bool TryParse(
        string text,
        [NotNullWhen(true)] out KeyFingerprint? fingerprint,
        [NotNullWhen(false)] out string? error
    )
    {
        ArgumentNullException.ThrowIfNull(text);
        fingerprint = null;
        error = null;
        if (text.StartsWith(Prefix, StringComparison.Ordinal))
        {
            var base64 = text[Prefix.Length..];
            var padded = base64.Length == 43 ? base64 + "=" : base64;
            Span<byte> hash = stackalloc byte[HashLength];
            // Encoding again refuses what the decoder overlooks: white space, and bits beyond the last byte.
            if (
                Convert.TryFromBase64String(padded, hash, out var length)
                && length == HashLength
                && Convert.ToBase64String(hash) == padded
            )
            {
                fingerprint = new KeyFingerprint(Prefix + padded);
                return true;
            }
        }

        error = $"{Excerpt.Quote(text)} is not a key's fingerprint (\"SHA256:\" and the base64 of 32 bytes)";
        return false;
    }

    /// <summary>The canonical form, with padding.</summary>
    /// <returns>51 characters.</returns>
    public override string ToString() => _text;
}
