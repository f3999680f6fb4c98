// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Config;

/// <summary>
/// The text of a key of 32 bytes: base64 (RFC 4648, section 4) with its padding, as <c>wg</c> writes and reads it.
/// </summary>
internal static class KeyText
{
    private const int Size = 32;
    private const int Length = 44;
    private const string Allowed = "a key is the base64 of 32 bytes, 44 characters of which the last is '='";

    /// <summary>Reads a key.</summary>
    /// <param name="text">The whole text.</param>
    /// <param name="bytes">32 bytes; zero if there is an error.</param>
    /// <returns>
    /// What is wrong and what is allowed, without the text, which may be a secret; null if nothing is.
    /// </returns>
    public static string? TryDecode(string text, Span<byte> bytes)
    {
        ArgumentNullException.ThrowIfNull(text);
        var error = WhyNoKey(text, bytes);
        if (error is not null)
        {
            bytes.Clear();
        }

        return error;
    }

    private static string? WhyNoKey(string text, Span<byte> bytes)
    {
        if (text.Length == 0)
        {
            return $"is empty ({Allowed})";
        }

        if (text == SecretKey.Hidden)
        {
            return "stands for a key that was not shown (`udptunnelctl config NAME --secrets` shows it)";
        }

        // Longer than any key that somebody cut or doubled: no need to decode it to say so.
        Span<byte> decoded = stackalloc byte[4 * Size];
        if (text.Length > 4 * Length / 2 || !Convert.TryFromBase64String(text, decoded, out var length))
        {
            return $"is not base64, or too long ({Allowed})";
        }

        if (length != Size)
        {
            return $"is the base64 of {length} bytes ({Allowed})";
        }

        decoded[..Size].CopyTo(bytes);
        decoded.Clear();
        // Encoding again refuses what the decoder overlooks: white space, and bits beyond the last byte.
        if (Convert.ToBase64String(bytes) != text)
        {
            return $"has white space, or bits behind its last byte ({Allowed})";
        }

        return bytes.ContainsAnyExcept((byte)0) ? null : "is all zero, which is nobody's key (`wg genkey` makes one)";
    }
}
