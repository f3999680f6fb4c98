using System.Buffers.Binary;

namespace UdpTunnel.WireGuard;

/// <summary>A peer's public key, which is its name: 32 bytes, as text in base64.</summary>
internal readonly record struct PublicKey
{
    /// <summary>Bytes of a key.</summary>
    public const int Size = 32;

    private readonly ulong _first;
    private readonly ulong _second;
    private readonly ulong _third;
    private readonly ulong _fourth;

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
    /// <returns>Whether it is that of exactly 32 bytes.</returns>
    public static bool TryParse(string text, out PublicKey key)
    {
        Span<byte> bytes = stackalloc byte[Size];
        var valid = text.Length == 44 && Convert.TryFromBase64String(text, bytes, out var length) && length == Size;
        key = valid ? new PublicKey(bytes) : default;
        return valid && key.ToString() == text;
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
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Size];
        CopyTo(bytes);
        return Convert.ToBase64String(bytes);
    }
}
