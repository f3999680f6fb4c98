// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using UdpTunnel.Config;
using UdpTunnel.Relay;

namespace UdpTunnel.Tests.Relay;

/// <summary>A stranger chooses every byte of its certificate. None may end more than its own connection.</summary>
public sealed class StrangersCertificateTests
{
    private static readonly SslApplicationProtocol Protocol = new("udptunnel-relay/1");

    /// <summary>
    /// Extensions that a chain builder parses (RFC 5280, section 4.2.1; the last one is Microsoft's), but for the key
    /// usage, with which .NET makes no certificate to test with.
    /// </summary>
    public static TheoryData<string> ParsedExtensions =>
        new(
            "2.5.29.19",
            "2.5.29.30",
            "2.5.29.31",
            "2.5.29.32",
            "2.5.29.33",
            "2.5.29.35",
            "2.5.29.36",
            "2.5.29.37",
            "2.5.29.54",
            "1.3.6.1.5.5.7.1.1",
            "1.3.6.1.4.1.311.21.10"
        );

    [Theory]
    [MemberData(nameof(ParsedExtensions))]
    public void A_malformed_extension_of_a_senders_certificate_ends_its_connection_only(string extension)
    {
        using var relay = new RelayEngines(RelayProtocol.Tls, TimeProvider.System);
        using var certificate = Certificate(new X509Extension(extension, [0], critical: false));

        TalkTo(relay, certificate);

        relay.AddSender();
    }

    [Theory]
    [MemberData(nameof(ParsedExtensions))]
    public void A_malformed_extension_of_a_receivers_certificate_ends_the_attempt_only(string extension)
    {
        using var certificate = Certificate(new X509Extension(extension, [0], critical: false));
        using var receiver = new FalseReceiver(certificate);
        using var relay = new RelayEngines(RelayProtocol.Tls, TimeProvider.System);

        var sender = relay.StartSender(KeyFingerprint.FromHash(SHA256.HashData("the pinned key"u8)), receiver.Port);

        // It looked at the key, or it tries again by itself, on the same thread.
        relay.WaitFor(
            () => receiver.Connections >= 2 || sender.Engine.Status.State == RelayState.Refused,
            "the sender to go on"
        );
    }

    [Fact]
    public void Keys_of_another_kind_are_turned_away()
    {
        using var relay = new RelayEngines(RelayProtocol.Tls, TimeProvider.System);
        using var rsa = RSA.Create(2048);
        var request = new CertificateRequest("CN=x", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var certificate = request.CreateSelfSigned(
            DateTimeOffset.UnixEpoch,
            DateTimeOffset.UnixEpoch.AddYears(100)
        );

        TalkTo(relay, certificate);

        Assert.Empty(relay.Receiver.Senders);
        relay.AddSender();
    }

    [Fact]
    public void A_certificate_longer_than_ours_is_turned_away()
    {
        using var relay = new RelayEngines(RelayProtocol.Tls, TimeProvider.System);
        using var certificate = Certificate(new X509Extension("1.2.3.4", new byte[4000], critical: false));

        TalkTo(relay, certificate);

        Assert.Empty(relay.Receiver.Senders);
        relay.AddSender();
    }

    /// <summary>Shakes hands as a sender, and waits until the receiver ends the connection or says something.</summary>
    private static void TalkTo(RelayEngines relay, X509Certificate2 certificate)
    {
        using var client = new TcpClient { ReceiveTimeout = 10_000 };
        client.Connect(IPAddress.Loopback, relay.TcpPort);
        using var ssl = new SslStream(client.GetStream());
        try
        {
            ssl.AuthenticateAsClient(
                new SslClientAuthenticationOptions
                {
                    TargetHost = "",
                    EnabledSslProtocols = SslProtocols.Tls13,
                    ClientCertificateContext = SslStreamCertificateContext.Create(certificate, null, offline: true),
                    ApplicationProtocols = [Protocol],
                    RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null,
                }
            );
            _ = ssl.Read(new byte[100]);
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            // The receiver ended it.
        }
    }

    private static X509Certificate2 Certificate(X509Extension extension)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=x", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(extension);
        return request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100));
    }

    /// <summary>Speaks TLS as a receiver does, with a certificate of the test's.</summary>
    private sealed class FalseReceiver : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly X509Certificate2 _certificate;
        private readonly Task _serving;
        private int _connections;

        public FalseReceiver(X509Certificate2 certificate)
        {
            _certificate = certificate;
            _listener.Start();
            _serving = Task.Run(ServeAsync);
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public int Connections => Volatile.Read(ref _connections);

        public void Dispose()
        {
            _listener.Stop();
            _serving.Wait();
        }

        private async Task ServeAsync()
        {
            while (true)
            {
                try
                {
                    using var client = await _listener.AcceptTcpClientAsync();
                    Interlocked.Increment(ref _connections);
                    using var ssl = new SslStream(client.GetStream());
                    await ssl.AuthenticateAsServerAsync(
                        new SslServerAuthenticationOptions
                        {
                            EnabledSslProtocols = SslProtocols.Tls13,
                            ServerCertificate = _certificate,
                            ClientCertificateRequired = true,
                            ApplicationProtocols = [Protocol],
                            RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null,
                        }
                    );
                    _ = await ssl.ReadAsync(new byte[1]);
                }
                catch (Exception e) when (e is SocketException or InvalidOperationException)
                {
                    return;
                }
                catch (Exception e) when (e is IOException or AuthenticationException)
                {
                    // The sender ended it.
                }
            }
        }
    }
}
