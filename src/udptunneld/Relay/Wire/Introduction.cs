// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Text;
using UdpTunnel.Config;

namespace UdpTunnel.Relay.Wire;

/// <summary>
/// A sender's words of itself, in its hello of version 2 behind the last type. A receiver says nothing of itself there,
/// since anybody may connect to it.
/// <code>
///  +-----------------+-----------+--------+------+--------+------+
///  | ServiceOffer    | instance  | length | host | length | name |
///  +-----------------+-----------+--------+------+--------+------+
///                     8 bytes     1 byte   UTF-8, at most 64 bytes each
/// </code>
/// </summary>
/// <param name="Offer">The receiver's ports that it serves.</param>
/// <param name="Instance">
/// Chosen at random when the sender starts: the same for all its connections, and another one for every other sender,
/// also one that has a copy of the key.
/// </param>
/// <param name="Host">Name of its host, for people; escaped.</param>
/// <param name="Name">Name of the relay there, for people; escaped.</param>
internal sealed record Introduction(ServiceOffer Offer, ulong Instance, string Host, string Name)
{
    /// <summary>The longest name, in bytes.</summary>
    public const int MaxName = 64;

    /// <summary>Of a sender that does not introduce itself.</summary>
    public static Introduction None { get; } = new(ServiceOffer.None, 0, "", "");

    /// <summary>Reads an introduction; bytes behind it are for later versions.</summary>
    /// <returns>Null if it is none.</returns>
    public static Introduction? Read(ReadOnlySpan<byte> bytes)
    {
        if (ServiceOffer.Read(ref bytes) is not { } offer || bytes.Length < sizeof(ulong))
        {
            return null;
        }

        var instance = BinaryPrimitives.ReadUInt64BigEndian(bytes);
        bytes = bytes[sizeof(ulong)..];
        return ReadName(ref bytes) is { } host && ReadName(ref bytes) is { } name
            ? new Introduction(offer, instance, host, name)
            : null;
    }

    /// <summary>Makes the bytes.</summary>
    public byte[] Write()
    {
        var instance = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(instance, Instance);
        return [.. Offer.Write(), .. instance, .. Bytes(Host), .. Bytes(Name)];
    }

    /// <summary>For a person: <c>host gw, relay tx</c>; empty if it says neither.</summary>
    public string ToDisplayText() =>
        (Host.Length, Name.Length) switch
        {
            (0, 0) => "",
            (0, _) => $"relay {Name}",
            (_, 0) => $"host {Host}",
            _ => $"host {Host}, relay {Name}",
        };

    private static byte[] Bytes(string name)
    {
        var text = Encoding.UTF8.GetBytes(name);
        var length = Math.Min(text.Length, MaxName);
        while (length < text.Length && length > 0 && (text[length] & 0xC0) == 0x80)
        {
            // Not within a character.
            length--;
        }

        return [(byte)length, .. text.AsSpan(0, length)];
    }

    private static string? ReadName(ref ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty || bytes[0] > MaxName || bytes.Length < 1 + bytes[0])
        {
            return null;
        }

        var name = Excerpt.Escape(Encoding.UTF8.GetString(bytes.Slice(1, bytes[0])), MaxName);
        bytes = bytes[(1 + bytes[0])..];
        return name;
    }
}
