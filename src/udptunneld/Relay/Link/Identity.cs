using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using UdpTunnel.Config;

namespace UdpTunnel.Relay.Link;

/// <summary>This daemon's key, in a certificate that nothing but the key matters of.</summary>
internal sealed class Identity
{
    /// <param name="key">ECDSA P-256.</param>
    public Identity(ECDsa key)
    {
        var request = new CertificateRequest("CN=udptunnel", key, HashAlgorithmName.SHA256);

        // RFC 5280, section 4.1.2.5: 99991231235959Z is the date for what does not expire.
        var certificate = request.CreateSelfSigned(
            DateTimeOffset.UnixEpoch, new DateTimeOffset(9999, 12, 31, 23, 59, 59, TimeSpan.Zero));
        Certificate = SslStreamCertificateContext.Create(certificate, additionalCertificates: null, offline: true);
        Fingerprint = TlsHandshake.FingerprintOf(certificate);
    }

    /// <summary>For TLS.</summary>
    public SslStreamCertificateContext Certificate { get; }

    /// <summary>The key's fingerprint.</summary>
    public KeyFingerprint Fingerprint { get; }
}
