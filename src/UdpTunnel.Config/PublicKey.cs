// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace UdpTunnel.Config;

/// <summary>A peer's public key, which is its name: 32 bytes, as text in base64.</summary>
public readonly record struct PublicKey
{
    /// <summary>Bytes of a key.</summary>
    public const int Size = 32;

    /// <summary>Characters of <see cref="ToShortText"/>.</summary>
    private const int ShortLength = 8;

    private readonly ulong _first;
    private readonly ulong _second;
    private readonly ulong _third;
    private readonly ulong _fourth;

    /// <summary>Takes the bytes of a key.</summary>
    /// <param name="bytes">32 bytes.</param>
    public PublicKey(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(bytes.Length, Size);
        _first = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        _second = BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]);
        _third = BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]);
        _fourth = BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]);
    }

    /// <summary>Reads base64.</summary>
    /// <param name="text">The text.</param>
    /// <param name="key">The key, if it is one.</param>
    /// <returns>Whether it is that of exactly 32 bytes.</returns>
    public static bool TryParse(string text, out PublicKey key) => TryParse(text, out key, out _);

    /// <summary>Reads base64.</summary>
    /// <param name="text">The text.</param>
    /// <param name="key">The key, if it is one.</param>
    /// <param name="error">
    /// What is wrong and what is allowed, if not. It does not show the text, which may be a private key.
    /// </param>
    /// <returns>Whether it is that of exactly 32 bytes.</returns>
    public static bool TryParse(string text, out PublicKey key, [NotNullWhen(false)] out string? error)
    {
        Span<byte> bytes = stackalloc byte[Size];
        error = KeyText.TryDecode(text, bytes);
        key = error is null ? new PublicKey(bytes) : default;
        return error is null;
    }

    /// <summary>Writes its bytes.</summary>
    /// <param name="output">32 bytes.</param>
    public void CopyTo(Span<byte> output)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(output, _first);
        BinaryPrimitives.WriteUInt64LittleEndian(output[8..], _second);
        BinaryPrimitives.WriteUInt64LittleEndian(output[16..], _third);
        BinaryPrimitives.WriteUInt64LittleEndian(output[24..], _fourth);
    }

    /// <summary>Base64, as <c>wg</c> shows it.</summary>
    /// <returns>44 characters.</returns>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Size];
        CopyTo(bytes);
        return Convert.ToBase64String(bytes);
    }

    /// <summary>
    /// The beginning of the base64, which tells the peers of one tunnel apart well enough for a person.
    /// </summary>
    /// <returns>8 characters.</returns>
    public string ToShortText() => ToString()[..ShortLength];
}
