// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using static UdpTunnel.Crypto.TlsLibrary;

namespace UdpTunnel.Crypto;

/// <summary>
/// The settings of all TLS connections with one key: TLS 1.3 with a key on each side, the application protocols of
/// relays, and nothing that a relay does not need (no tickets, resumption, early data, renegotiation or compression).
/// Any thread may begin a session with it.
/// </summary>
/// <remarks>
/// A peer is its key. A certificate only carries it: no chain is built, and neither names nor dates nor extensions are
/// looked at. A peer must show one certificate of at most <see cref="MaxCertificate"/> bytes with a key on the curve
/// P-256, which is checked before its signature is.
/// </remarks>
internal sealed unsafe class TlsContext : IDisposable
{
    /// <summary>The longest certificate of a peer, in bytes. Those of this program have about 300.</summary>
    public const int MaxCertificate = 2048;

    // The certificate with what the message puts around it (RFC 8446, section 4.4.2).
    private const int MaxCertificateMessage = MaxCertificate + 64;

    // A list of protocols has a byte of length in front of each (RFC 7301, section 3.1). The newest first: a receiver
    // takes the first of them that the sender offers.
    private static readonly byte[] Protocols = [17, .. "udptunnel-relay/2"u8, 17, .. "udptunnel-relay/1"u8];
    private static readonly int ProtocolLength = Protocols[0];

    private readonly TlsContextHandle _context;

    /// <param name="key">ECDSA P-256.</param>
    /// <exception cref="CryptographicException">OpenSSL refuses it.</exception>
    public TlsContext(ECDsa key)
        : this(key, NewCertificate(key)) { }

    /// <summary>The same with a certificate of the caller's, as a stranger may have one.</summary>
    /// <param name="key">The certificate's key.</param>
    /// <param name="certificate">In DER.</param>
    internal TlsContext(ECDsa key, byte[] certificate)
    {
        ClearErrors();
        _context = new TlsContextHandle(NewContext(Method()));
        if (_context.IsInvalid)
        {
            throw Failure();
        }

        try
        {
            Configure(Handle);
            UseKey(Handle, key, certificate);
        }
        catch
        {
            _context.Dispose();
            throw;
        }

        KeyHash = SHA256.HashData(key.ExportSubjectPublicKeyInfo());
    }

    /// <summary>SHA-256 of the own key's SubjectPublicKeyInfo (RFC 5280, section 4.1).</summary>
    public byte[] KeyHash { get; }

    /// <summary>The version of the application protocol that a name stands for; 0 if it is none of ours.</summary>
    public static int VersionOf(ReadOnlySpan<byte> protocol)
    {
        for (var at = 0; at < Protocols.Length; at += 1 + ProtocolLength)
        {
            if (protocol.SequenceEqual(Protocols.AsSpan(at + 1, ProtocolLength)))
            {
                return protocol[^1] - '0';
            }
        }

        return 0;
    }

    /// <summary>The <c>SSL_CTX</c>, as long as this object lives.</summary>
    internal nint Handle => _context.DangerousGetHandle();

    /// <inheritdoc/>
    public void Dispose() => _context.Dispose();

    private static void Configure(nint context)
    {
        Require(ControlContext(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Tls13, null));
        Require(ControlContext(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Tls13, null));
        _ = SetOptions(context, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
        Require(SetTickets(context, 0));
        _ = ControlContext(context, SSL_CTRL_SET_SESS_CACHE_MODE, 0, null);
        _ = ControlContext(context, SSL_CTRL_SET_MAX_CERT_LIST, MaxCertificateMessage, null);
        _ = ControlContext(context, SSL_CTRL_SET_READ_AHEAD, 1, null);
        _ = ControlContext(context, SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS, null);
        fixed (byte* algorithms = "ECDSA+SHA256\0"u8)
        {
            Require(ControlContext(context, SSL_CTRL_SET_SIGALGS_LIST, 0, algorithms));
        }

        SetVerify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, 0);
        SetCertificateCallback(context, &TlsSession.OnCertificate, 0);
        SetProtocolCallback(context, &OnProtocols, 0);
        fixed (byte* list = Protocols)
        {
            // 0 is success, other than everywhere else.
            Require(SetProtocols(context, list, (uint)Protocols.Length) == 0 ? 1 : 0);
        }
    }

    private static byte[] NewCertificate(ECDsa key)
    {
        var request = new CertificateRequest("CN=udptunnel", key, HashAlgorithmName.SHA256);

        // RFC 5280, section 4.1.2.5: 99991231235959Z is the date for a certificate that does not expire.
        using var certificate = request.CreateSelfSigned(
            DateTimeOffset.UnixEpoch,
            new DateTimeOffset(9999, 12, 31, 23, 59, 59, TimeSpan.Zero)
        );
        return certificate.RawData;
    }

    private static void UseKey(nint context, ECDsa key, byte[] certificate)
    {
        var secret = key.ExportECPrivateKey();
        fixed (byte* der = certificate)
        fixed (byte* privateKey = secret)
        {
            try
            {
                Require(UseCertificate(context, certificate.Length, der));
                Require(UsePrivateKey(EVP_PKEY_EC, context, privateKey, secret.Length));
                Require(CheckPrivateKey(context));
            }
            finally
            {
                CryptographicOperations.ZeroMemory(secret);
            }
        }
    }

    private static void Require(nint result)
    {
        if (result != 1)
        {
            throw Failure();
        }
    }

    private static CryptographicException Failure() => new($"OpenSSL refuses its settings: {FirstError()}");

    /// <summary>A client offers protocols; chooses the newest of ours, or ends the handshake.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnProtocols(
        nint session,
        byte** chosen,
        byte* chosenLength,
        byte* offered,
        uint length,
        nint argument
    )
    {
        var newest = 0;
        for (uint at = 0; at < length && at + 1 + offered[at] <= length; at += 1u + offered[at])
        {
            if (VersionOf(new ReadOnlySpan<byte>(offered + at + 1, offered[at])) is var version && version > newest)
            {
                newest = version;
                *chosen = offered + at + 1;
                *chosenLength = offered[at];
            }
        }

        return newest > 0 ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
    }
}
