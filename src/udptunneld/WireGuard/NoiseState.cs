// SPDX-License-Identifier: BSD-3-Clause

using System.Security.Cryptography;
using UdpTunnel.Crypto;

namespace UdpTunnel.WireGuard;

/// <summary>
/// What both ends of a handshake mix everything into: Noise's symmetric state (revision 34, section 5.2), 96 bytes that
/// somebody else keeps.
/// <code>
///  0              32     64    96
///  +--------------+------+-----+
///  | chaining key | hash | key |
///  +--------------+------+-----+
/// </code>
/// Each key is used once here, so its nonce is always 0.
/// </summary>
internal readonly ref struct NoiseState
{
    /// <summary>Bytes of a state.</summary>
    public const int Size = 96;

    private readonly HandshakeCrypto _crypto;
    private readonly Span<byte> _chainingKey;
    private readonly Span<byte> _hash;
    private readonly Span<byte> _key;

    /// <param name="crypto">Primitives.</param>
    /// <param name="memory">96 bytes, which the state is from now on.</param>
    public NoiseState(HandshakeCrypto crypto, Span<byte> memory)
    {
        _crypto = crypto;
        _chainingKey = memory[..32];
        _hash = memory[32..64];
        _key = memory[64..Size];
    }

    /// <summary>Begins, with what both ends know before the first message.</summary>
    /// <param name="prologue">Any data that both must have.</param>
    /// <param name="responder">The static public key of the end that answers.</param>
    public void Begin(ReadOnlySpan<byte> prologue, ReadOnlySpan<byte> responder)
    {
        _crypto.Blake2s.Hash(Protocol.Construction, default, _chainingKey);
        _chainingKey.CopyTo(_hash);
        MixHash(prologue);
        MixHash(responder);
    }

    /// <summary>Mixes in what was sent in the clear.</summary>
    public void MixHash(ReadOnlySpan<byte> data) => _crypto.Blake2s.Hash(_hash, data, _hash);

    /// <summary>
    /// Mixes in an ephemeral key, which a handshake with a preshared key puts into the chaining key, too (section 9.2).
    /// </summary>
    public void MixEphemeral(ReadOnlySpan<byte> publicKey)
    {
        MixHash(publicKey);
        _crypto.Blake2s.DeriveKeys(_chainingKey, publicKey, _chainingKey, default, default);
    }

    /// <summary>Mixes in what two keys agree on; makes the key of what is sealed next.</summary>
    public void MixKey(ReadOnlySpan<byte> shared) =>
        _crypto.Blake2s.DeriveKeys(_chainingKey, shared, _chainingKey, _key, default);

    /// <summary>Mixes in the preshared key; makes the key of what is sealed next.</summary>
    public void MixPresharedKey(ReadOnlySpan<byte> presharedKey)
    {
        Span<byte> mixed = stackalloc byte[Blake2s.Size];
        _crypto.Blake2s.DeriveKeys(_chainingKey, presharedKey, _chainingKey, mixed, _key);
        MixHash(mixed);
        CryptographicOperations.ZeroMemory(mixed);
    }

    /// <summary>Seals in place, and mixes in what has become of it.</summary>
    /// <param name="text">The text and room for 16 bytes.</param>
    public void Seal(Span<byte> text)
    {
        _crypto.Seal(_key, _hash, text);
        MixHash(text);
    }

    /// <summary>Opens a copy.</summary>
    /// <param name="input">The sealed text and its tag.</param>
    /// <param name="output">As long as the input; begins with the text.</param>
    /// <returns>Whether it is authentic. If not, the state is of no use any more.</returns>
    public bool Open(ReadOnlySpan<byte> input, Span<byte> output)
    {
        input.CopyTo(output);
        var authentic = _crypto.Open(_key, _hash, output);
        MixHash(input);
        return authentic;
    }

    /// <summary>Ends the handshake with a key for each direction, and zeroes the state.</summary>
    /// <param name="toResponder">32 bytes.</param>
    /// <param name="toInitiator">32 bytes.</param>
    public void Split(Span<byte> toResponder, Span<byte> toInitiator)
    {
        _crypto.Blake2s.DeriveKeys(_chainingKey, default, toResponder, toInitiator, default);
        Clear();
    }

    /// <summary>Zeroes the state.</summary>
    public void Clear()
    {
        CryptographicOperations.ZeroMemory(_chainingKey);
        CryptographicOperations.ZeroMemory(_hash);
        CryptographicOperations.ZeroMemory(_key);
    }
}
