// SPDX-License-Identifier: BSD-3-Clause

using System.Security.Cryptography;
using UdpTunnel.Config;
using UdpTunnel.Crypto;

namespace UdpTunnel.WireGuard;

/// <summary>
/// The pattern IKpsk2 (Noise, section 7.5): the end that begins knows the other's static key and shows its own, sealed;
/// a preshared key comes last.
/// <code>
///   ← s                                        (known before)
///   → e, es, s, ss, payload                    32, 32 + 16, n + 16 bytes
///   ← e, ee, se, psk, payload                  32, n + 16 bytes
/// </code>
/// Bytes of messages in, bytes out; whose key it is that comes in is for the caller to find between the two halves of
/// reading.
/// </summary>
internal static class NoiseHandshake
{
    private const int KeySize = X25519PrivateKey.Size;
    private const int SealedKeySize = KeySize + ChaChaKey.TagSize;

    /// <summary>Bytes of the first message beside its payload and that one's tag.</summary>
    public const int FirstOverhead = KeySize + SealedKeySize;

    /// <summary>Writes the first message.</summary>
    /// <param name="state">Begun with the other's key.</param>
    /// <param name="own">Our static public key.</param>
    /// <param name="other">The other's static public key.</param>
    /// <param name="staticShared">What the two static keys agree on.</param>
    /// <param name="ephemeral">A fresh key.</param>
    /// <param name="payload">To be sealed.</param>
    /// <param name="message">Exactly as long as the message becomes.</param>
    /// <returns>False if the other's key agrees with nobody's.</returns>
    public static bool WriteFirst(
        NoiseState state,
        ReadOnlySpan<byte> own,
        ReadOnlySpan<byte> other,
        ReadOnlySpan<byte> staticShared,
        X25519PrivateKey ephemeral,
        ReadOnlySpan<byte> payload,
        Span<byte> message
    )
    {
        ephemeral.ExportPublicKey(message[..KeySize]);
        state.MixEphemeral(message[..KeySize]);
        if (!MixAgreement(state, ephemeral, other))
        {
            return false;
        }

        own.CopyTo(message[KeySize..]);
        state.Seal(message.Slice(KeySize, SealedKeySize));
        state.MixKey(staticShared);
        payload.CopyTo(message[FirstOverhead..]);
        state.Seal(message[FirstOverhead..]);
        return true;
    }

    /// <summary>Reads the first message as far as it says whose it is.</summary>
    /// <param name="state">Begun with our key.</param>
    /// <param name="own">Our static key.</param>
    /// <param name="message">The message.</param>
    /// <param name="other">The key that it names: proved only by what follows.</param>
    /// <returns>Whether it is authentic so far.</returns>
    public static bool ReadStaticKey(
        NoiseState state,
        X25519PrivateKey own,
        ReadOnlySpan<byte> message,
        out PublicKey other
    )
    {
        Span<byte> opened = stackalloc byte[SealedKeySize];
        other = default;
        state.MixEphemeral(message[..KeySize]);
        if (!MixAgreement(state, own, message[..KeySize]) || !state.Open(message.Slice(KeySize, SealedKeySize), opened))
        {
            return false;
        }

        other = new PublicKey(opened[..KeySize]);
        return true;
    }

    /// <summary>Reads the rest of the first message, which proves that the sender has the key that it named.</summary>
    /// <param name="state">As <see cref="ReadStaticKey"/> left it.</param>
    /// <param name="staticShared">What the two static keys agree on.</param>
    /// <param name="message">The message.</param>
    /// <param name="payload">As long as the payload and its tag; begins with the payload.</param>
    /// <returns>Whether it is authentic.</returns>
    public static bool ReadFirst(
        NoiseState state,
        ReadOnlySpan<byte> staticShared,
        ReadOnlySpan<byte> message,
        Span<byte> payload
    )
    {
        state.MixKey(staticShared);
        return state.Open(message[FirstOverhead..], payload);
    }

    /// <summary>Writes the second message.</summary>
    /// <param name="state">As the first message left it.</param>
    /// <param name="other">The other's static public key.</param>
    /// <param name="otherEphemeral">Its ephemeral one, from the first message.</param>
    /// <param name="presharedKey">32 bytes; zero if there is none.</param>
    /// <param name="ephemeral">A fresh key.</param>
    /// <param name="payload">To be sealed.</param>
    /// <param name="message">Exactly as long as the message becomes.</param>
    /// <returns>False if one of the other's keys agrees with nobody's.</returns>
    public static bool WriteSecond(
        NoiseState state,
        ReadOnlySpan<byte> other,
        ReadOnlySpan<byte> otherEphemeral,
        ReadOnlySpan<byte> presharedKey,
        X25519PrivateKey ephemeral,
        ReadOnlySpan<byte> payload,
        Span<byte> message
    )
    {
        ephemeral.ExportPublicKey(message[..KeySize]);
        state.MixEphemeral(message[..KeySize]);
        if (!MixAgreement(state, ephemeral, otherEphemeral) || !MixAgreement(state, ephemeral, other))
        {
            return false;
        }

        state.MixPresharedKey(presharedKey);
        payload.CopyTo(message[KeySize..]);
        state.Seal(message[KeySize..]);
        return true;
    }

    /// <summary>Reads the second message.</summary>
    /// <param name="state">
    /// As the first message left it; of no use any more if this fails, so a copy where another answer may follow.
    /// </param>
    /// <param name="own">Our static key.</param>
    /// <param name="ownEphemeral">Our ephemeral one.</param>
    /// <param name="presharedKey">32 bytes; zero if there is none.</param>
    /// <param name="message">The message.</param>
    /// <param name="payload">As long as the payload and its tag; begins with the payload.</param>
    /// <returns>Whether it is authentic.</returns>
    public static bool ReadSecond(
        NoiseState state,
        X25519PrivateKey own,
        X25519PrivateKey ownEphemeral,
        ReadOnlySpan<byte> presharedKey,
        ReadOnlySpan<byte> message,
        Span<byte> payload
    )
    {
        state.MixEphemeral(message[..KeySize]);
        if (!MixAgreement(state, ownEphemeral, message[..KeySize]) || !MixAgreement(state, own, message[..KeySize]))
        {
            return false;
        }

        state.MixPresharedKey(presharedKey);
        return state.Open(message[KeySize..], payload);
    }

    private static bool MixAgreement(NoiseState state, X25519PrivateKey key, ReadOnlySpan<byte> publicKey)
    {
        Span<byte> shared = stackalloc byte[KeySize];
        var agree = key.Agree(publicKey, shared);
        if (agree)
        {
            state.MixKey(shared);
        }

        CryptographicOperations.ZeroMemory(shared);
        return agree;
    }
}
