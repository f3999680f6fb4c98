using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using UdpTunnel.Config;

namespace UdpTunnel.Relay.Link;

/// <summary>
/// TLS 1.3 with a key on each side. A peer is its key: certificates only carry it, so that their chains, names and dates are not looked at. Who may
/// come in is decided by the key's fingerprint after the handshake, which has proven that the peer owns the key.
/// </summary>
/// <remarks>
/// A stranger chooses every byte of its certificate, and SslStream parses the extensions of each certificate for a chain
/// that nobody here asks for. A malformed extension makes that parser throw an exception of the cryptography; so
/// <see cref="Run"/> turns every exception of the library into the failure of this handshake.
/// </remarks>
internal static class TlsHandshake
{
    /// <summary>The longest certificate of a peer, in bytes. Those of this program have about 300.</summary>
    private const int MaxCertificate = 2048;

    private static readonly List<SslApplicationProtocol> Protocols = [new("udptunnel-relay/1")];

    /// <summary>Runs the handshake on the calling thread.</summary>
    /// <returns>The peer's key.</returns>
    /// <exception cref="AuthenticationException">
    /// The handshake failed, whatever the reason: the peer speaks another protocol inside TLS, its certificate is none that this
    /// program makes, or the library could not parse what the peer sent.
    /// </exception>
    /// <exception cref="IOException">The connection ended.</exception>
    public static KeyFingerprint Run(SslStream ssl, Identity identity, bool isReceiver)
    {
        try
        {
            Authenticate(ssl, identity, isReceiver);
            return ssl.NegotiatedApplicationProtocol == Protocols[0]
                ? KeyOf(ssl.RemoteCertificate as X509Certificate2)
                : throw new AuthenticationException("the other end speaks TLS, but not as a relay");
        }
        catch (Exception e) when (e is not (AuthenticationException or IOException))
        {
            throw new AuthenticationException("the other end sent what TLS cannot read", e);
        }
    }

    /// <summary>The fingerprint of a certificate's key: SHA-256 of its SubjectPublicKeyInfo (RFC 5280, section 4.1).</summary>
    public static KeyFingerprint FingerprintOf(X509Certificate2 certificate) =>
        KeyFingerprint.FromHash(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));

    private static void Authenticate(SslStream ssl, Identity identity, bool isReceiver)
    {
        if (isReceiver)
        {
            ssl.AuthenticateAsServer(new SslServerAuthenticationOptions
            {
                EnabledSslProtocols = SslProtocols.Tls13,
                ServerCertificateContext = identity.Certificate,
                ClientCertificateRequired = true,
                ApplicationProtocols = Protocols,
                RemoteCertificateValidationCallback = HasKey,
                CertificateChainPolicy = NoChain(),
                AllowRenegotiation = false,
                AllowTlsResume = false,
            });
        }
        else
        {
            ssl.AuthenticateAsClient(new SslClientAuthenticationOptions
            {
                // Names nobody: a server name in the clear would tell a watcher what this is.
                TargetHost = "",
                EnabledSslProtocols = SslProtocols.Tls13,
                ClientCertificateContext = identity.Certificate,
                ApplicationProtocols = Protocols,
                RemoteCertificateValidationCallback = HasKey,
                CertificateChainPolicy = NoChain(),
                AllowRenegotiation = false,
                AllowTlsResume = false,
            });
        }
    }

    /// <summary>Takes the key of a certificate such as this program makes: small, with a key on the curve P-256.</summary>
    private static KeyFingerprint KeyOf(X509Certificate2? certificate)
    {
        if (certificate is null)
        {
            throw new AuthenticationException("the other end showed no key");
        }

        if (certificate.RawDataMemory.Length > MaxCertificate)
        {
            throw new AuthenticationException("the other end's certificate is longer than any of this program");
        }

        using var key = certificate.PublicKey.GetECDsaPublicKey();
        return key is { KeySize: 256 }
            ? FingerprintOf(certificate)
            : throw new AuthenticationException("the other end's key is none of this program: not ECDSA P-256");
    }

    private static bool HasKey(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors) => certificate is not null;

    /// <summary>Looks nothing up: neither the system's roots nor anything on the network.</summary>
    private static X509ChainPolicy NoChain() => new()
    {
        TrustMode = X509ChainTrustMode.CustomRootTrust,
        RevocationMode = X509RevocationMode.NoCheck,
        DisableCertificateDownloads = true,
        VerificationFlags = X509VerificationFlags.AllFlags,
    };
}
