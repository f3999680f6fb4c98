namespace Grpc.Core;

/// <summary>A certificate and its private key, both in PEM.</summary>
public sealed class KeyCertificatePair
{
    /// <summary>Makes the pair.</summary>
    /// <param name="certificateChain">The certificate, followed by those that lead to its authority.</param>
    /// <param name="privateKey">The private key.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public KeyCertificatePair(string certificateChain, string privateKey)
    {
        ArgumentNullException.ThrowIfNull(certificateChain);
        ArgumentNullException.ThrowIfNull(privateKey);
        CertificateChain = certificateChain;
        PrivateKey = privateKey;
    }

    /// <summary>The certificate, followed by those that lead to its authority.</summary>
    public string CertificateChain { get; }

    /// <summary>The private key.</summary>
    public string PrivateKey { get; }
}
