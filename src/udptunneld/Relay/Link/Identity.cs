// SPDX-License-Identifier: BSD-3-Clause

using System.Security.Cryptography;
using UdpTunnel.Config;
using UdpTunnel.Crypto;

namespace UdpTunnel.Relay.Link;

/// <summary>This daemon's key, as the peers of its relays know it.</summary>
internal sealed class Identity
{
    /// <param name="key">ECDSA P-256.</param>
    /// <exception cref="CryptographicException">It is another one.</exception>
    public Identity(ECDsa key)
    {
        Context = new TlsContext(key);
        Fingerprint = KeyFingerprint.FromHash(Context.KeyHash);
    }

    /// <summary>For TLS.</summary>
    public TlsContext Context { get; }

    /// <summary>The key's fingerprint.</summary>
    public KeyFingerprint Fingerprint { get; }
}
