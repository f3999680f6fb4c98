// SPDX-License-Identifier: BSD-3-Clause

using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using UdpTunnel.Crypto;

namespace UdpTunnel.Tests.Fuzz.Targets;

/// <summary>
/// Certificates of strangers, shown in a real TLS handshake, in both roles. A handshake fails or succeeds and nothing
/// is thrown; where it succeeds the fingerprint is that of the key which the certificate carries. A certificate that
/// OpenSSL cannot load at all cannot be shown by it either.
/// </summary>
internal sealed class CertificateTarget : IFuzzTarget
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly TlsContext _own = TlsEnd.NewContext();

    /// <inheritdoc/>
    public string Name => "certificates";

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Words { get; } =
    [
        [0x30, 0x82],
        [0x30, 0x80],
        [0x06, 0x03, 0x55, 0x1D],
        [0x55, 0x1D, 0x20],
        [0x55, 0x1D, 0x21],
        [0x55, 0x1D, 0x24],
        [0x55, 0x1D, 0x36],
        [0x55, 0x1D, 0x25],
        [0x55, 0x1D, 0x13],
        [0x55, 0x1D, 0x1E],
        [0x01, 0x01, 0xFF],
        [0x04, 0x00],
        [0x05, 0x00],
        [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07],
        [0x2B, 0x81, 0x04, 0x00, 0x22],
        [0x03, 0x42, 0x00, 0x04],
        [0xA3, 0x82],
        [0x18, 0x0F],
        [0x17, 0x0D],
        [0xFF, 0xFF, 0xFF, 0xFF],
    ];

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds(Random random)
    {
        string[] extensions =
        [
            "2.5.29.19",
            "2.5.29.30",
            "2.5.29.32",
            "2.5.29.33",
            "2.5.29.36",
            "2.5.29.37",
            "2.5.29.54",
            "1.3.6.1.4.1.311.21.10",
        ];
        foreach (var extension in extensions)
        {
            yield return Certificate(_key, [new X509Extension(extension, [0], critical: false)]);
            yield return Certificate(
                _key,
                [new X509Extension(extension, [0x30, 0x03, 0x02, 0x01, 0x05], critical: true)]
            );
        }

        yield return Certificate(_key, []);
        yield return Certificate(_key, [new X509Extension("1.2.3.4", new byte[3000], critical: false)]);
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        yield return Certificate(other, []);
    }

    /// <inheritdoc/>
    public void Try(ReadOnlySpan<byte> input)
    {
        // The key is this target's in every input, so that the peer can sign with it and the handshake goes to its end.
        if (WithKey(input) is not { } certificate)
        {
            return;
        }

        TlsContext stranger;
        try
        {
            stranger = new TlsContext(_key, certificate);
        }
        catch (CryptographicException)
        {
            return;
        }

        using (stranger)
        {
            Shake(stranger, strangerIsServer: false);
            Shake(stranger, strangerIsServer: true);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _own.Dispose();
        _key.Dispose();
    }

    private void Shake(TlsContext stranger, bool strangerIsServer)
    {
        using var own = new TlsEnd(_own, isServer: !strangerIsServer);
        using var other = new TlsEnd(stranger, strangerIsServer);
        var (progress, _) = TlsEnd.Shake(own, other);
        Assert.NotEqual(TlsProgress.Waits, progress);
        if (progress == TlsProgress.Done)
        {
            Assert.Equal(SHA256.HashData(_key.ExportSubjectPublicKeyInfo()), own.Session.PeerKeyHash);
        }
        else
        {
            Assert.NotEmpty(own.Session.Problem);
        }
    }

    /// <summary>Puts this target's point in place of the first one on P-256.</summary>
    private byte[]? WithKey(ReadOnlySpan<byte> certificate)
    {
        var info = _key.ExportSubjectPublicKeyInfo();
        var prefix = info.AsSpan(0, info.Length - 64);
        var at = certificate.IndexOf(prefix[^12..]);
        if (at < 0 || at + 12 + 64 > certificate.Length)
        {
            return certificate.Length is > 0 and < 8192 ? certificate.ToArray() : null;
        }

        var result = certificate.ToArray();
        info.AsSpan(prefix.Length).CopyTo(result.AsSpan(at + 12));
        return result;
    }

    private static byte[] Certificate(ECDsa key, IEnumerable<X509Extension> extensions)
    {
        var request = new CertificateRequest("CN=x", key, HashAlgorithmName.SHA256);
        foreach (var extension in extensions)
        {
            request.CertificateExtensions.Add(extension);
        }

        using var certificate = request.CreateSelfSigned(
            DateTimeOffset.UnixEpoch,
            DateTimeOffset.UnixEpoch.AddYears(100)
        );
        return certificate.RawData;
    }
}
