// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Security.Cryptography;
using UdpTunnel.Crypto;
using UdpTunnel.Linux;

namespace UdpTunnel.WireGuard;

/// <summary>
/// The side of mac1, mac2 and cookies (section 5.4.4 and 5.4.7 of the paper) that receives handshakes. mac1 shows that
/// the sender knows our public key, before anything costly is done; a cookie, that it receives what is sent to its
/// address, which is asked of it under load.
/// </summary>
/// <remarks>Keeps nothing of anybody: a cookie is made again from the address when it comes back.</remarks>
internal sealed class CookieChecker : IDisposable
{
    private const int AddressSize = 24;

    private readonly HandshakeCrypto _crypto;
    private readonly RandomSource _random;
    private readonly SecretMemory _secret = new(Blake2s.Size);
    private readonly byte[] _mac1Key = new byte[Blake2s.Size];
    private readonly byte[] _cookieKey = new byte[Blake2s.Size];
    private long _secretSince = long.MinValue / 2;

    /// <param name="crypto">Primitives.</param>
    /// <param name="random">For the secret and for nonces.</param>
    /// <param name="publicKey">Ours.</param>
    public CookieChecker(HandshakeCrypto crypto, RandomSource random, ReadOnlySpan<byte> publicKey)
    {
        _crypto = crypto;
        _random = random;
        crypto.Blake2s.Hash(Protocol.LabelMac1, publicKey, _mac1Key);
        crypto.Blake2s.Hash(Protocol.LabelCookie, publicKey, _cookieKey);
    }

    /// <summary>Whether mac1 is right.</summary>
    /// <param name="message">An initiation or a response.</param>
    /// <param name="mac1">Where it stands.</param>
    public bool HasMac1(ReadOnlySpan<byte> message, int mac1)
    {
        Span<byte> expected = stackalloc byte[Blake2s.MacSize];
        _crypto.Blake2s.Mac(_mac1Key, message[..mac1], default, expected);
        return CryptographicOperations.FixedTimeEquals(expected, message.Slice(mac1, Blake2s.MacSize));
    }

    /// <summary>Whether mac2 is made with the cookie that its sender would get now.</summary>
    /// <param name="message">An initiation or a response.</param>
    /// <param name="mac1">Where mac1 stands.</param>
    /// <param name="source">Where it came from.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    public bool HasMac2(ReadOnlySpan<byte> message, int mac1, in Endpoint source, long now)
    {
        Span<byte> cookie = stackalloc byte[Blake2s.MacSize];
        Span<byte> expected = stackalloc byte[Blake2s.MacSize];
        int mac2 = mac1 + Blake2s.MacSize;
        MakeCookie(source, now, cookie);
        _crypto.Blake2s.Mac(cookie, message[..mac2], default, expected);
        return CryptographicOperations.FixedTimeEquals(expected, message.Slice(mac2, Blake2s.MacSize));
    }

    /// <summary>Writes the reply that hands out a cookie.</summary>
    /// <param name="message">What is answered; its index of the sender stands at 4.</param>
    /// <param name="mac1">Where its mac1 stands.</param>
    /// <param name="source">Where it came from.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <param name="reply">64 bytes.</param>
    public void WriteReply(ReadOnlySpan<byte> message, int mac1, in Endpoint source, long now, Span<byte> reply)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(reply, (uint)MessageType.CookieReply);
        message.Slice(InitiationMessage.Sender, sizeof(uint)).CopyTo(reply[CookieMessage.Receiver..]);
        Span<byte> nonce = reply.Slice(CookieMessage.Nonce, XChaCha.NonceSize);
        _random.Fill(nonce);
        Span<byte> cookie = reply[CookieMessage.Cookie..];
        MakeCookie(source, now, cookie[..Blake2s.MacSize]);
        if (!_crypto.XChaCha.Seal(_cookieKey, nonce, message.Slice(mac1, Blake2s.MacSize), cookie))
        {
            throw new CryptoException("cannot seal a cookie");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _secret.Dispose();

    private void MakeCookie(in Endpoint source, long now, Span<byte> cookie)
    {
        if (now - _secretSince >= Protocol.CookieRefreshTime)
        {
            _random.Fill(_secret.Bytes);
            _secretSince = now;
        }

        Span<byte> address = stackalloc byte[AddressSize];
        (ulong high, ulong low) = source.AddressBits;
        BinaryPrimitives.WriteUInt64LittleEndian(address, high);
        BinaryPrimitives.WriteUInt64LittleEndian(address[8..], low);
        BinaryPrimitives.WriteUInt64LittleEndian(address[16..], source.OtherBits);
        _crypto.Blake2s.Mac(_secret.Bytes, address, default, cookie);
    }
}

/// <summary>The other side: what a peer's cookie reply is opened with, and the cookie that it has given us.</summary>
internal sealed class CookieJar
{
    private readonly HandshakeCrypto _crypto;
    private readonly byte[] _mac1Key = new byte[Blake2s.Size];
    private readonly byte[] _cookieKey = new byte[Blake2s.Size];
    private readonly byte[] _lastMac1 = new byte[Blake2s.MacSize];
    private readonly byte[] _cookie = new byte[Blake2s.MacSize];
    private bool _hasSent;
    private bool _hasCookie;
    private long _cookieSince;

    /// <param name="crypto">Primitives.</param>
    /// <param name="publicKey">The peer's.</param>
    public CookieJar(HandshakeCrypto crypto, ReadOnlySpan<byte> publicKey)
    {
        _crypto = crypto;
        crypto.Blake2s.Hash(Protocol.LabelMac1, publicKey, _mac1Key);
        crypto.Blake2s.Hash(Protocol.LabelCookie, publicKey, _cookieKey);
    }

    /// <summary>Writes mac1, and mac2 if there is a cookie; else mac2 is zero.</summary>
    /// <param name="message">An initiation or a response, complete but for these.</param>
    /// <param name="mac1">Where mac1 stands.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    public void Sign(Span<byte> message, int mac1, long now)
    {
        int mac2 = mac1 + Blake2s.MacSize;
        _crypto.Blake2s.Mac(_mac1Key, message[..mac1], default, message[mac1..mac2]);
        message[mac1..mac2].CopyTo(_lastMac1);
        _hasSent = true;
        if (_hasCookie && now - _cookieSince < Protocol.CookieRefreshTime)
        {
            _crypto.Blake2s.Mac(_cookie, message[..mac2], default, message[mac2..]);
        }
        else
        {
            message[mac2..].Clear();
        }
    }

    /// <summary>Takes a cookie from a reply to the last message that was signed.</summary>
    /// <param name="reply">64 bytes.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <returns>Whether it is authentic.</returns>
    public bool Take(ReadOnlySpan<byte> reply, long now)
    {
        Span<byte> opened = stackalloc byte[Blake2s.MacSize + ChaChaKey.TagSize];
        reply[CookieMessage.Cookie..].CopyTo(opened);
        var nonce = reply.Slice(CookieMessage.Nonce, XChaCha.NonceSize);
        if (!_hasSent || !_crypto.XChaCha.Open(_cookieKey, nonce, _lastMac1, opened))
        {
            return false;
        }

        opened[..Blake2s.MacSize].CopyTo(_cookie);
        _cookieSince = now;
        _hasCookie = true;

        // One reply to each message: a recorded one must not keep an old cookie alive.
        _hasSent = false;
        return true;
    }
}
