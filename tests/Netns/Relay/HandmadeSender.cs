// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns.Relay;

/// <summary>
/// A sender of the protocol tls, written from docs/relay-protocol.md, for tests to do with it what a real one would
/// not.
/// </summary>
internal sealed class HandmadeSender : IDisposable
{
    public const byte Hello = 1;
    public const byte Approved = 2;
    public const byte Denied = 3;
    public const byte Datagram = 4;
    public const byte FlowClosed = 5;
    public const byte Ping = 6;
    public const byte Pong = 7;

    private const int HeaderLength = 8;
    private const byte Version = 1;
    private const byte SenderRole = 2;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    // More often than a peer has to give a sign of life.
    private static readonly TimeSpan PingInterval = TimeSpan.FromSeconds(2);

    private readonly Socket _socket;
    private readonly SslStream _stream;
    private readonly X509Certificate2 _certificate;
    private readonly CancellationTokenSource _ended = new();

    // Protects the stream against two writers.
    private readonly SemaphoreSlim _writing = new(1);
    private Task _pinging = Task.CompletedTask;

    private HandmadeSender(Socket socket, X509Certificate2 certificate)
    {
        _socket = socket;
        _certificate = certificate;
        _stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
        Fingerprint =
            $"SHA256:{Convert.ToBase64String(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()))}";
    }

    /// <summary>As the receiver shows it.</summary>
    public string Fingerprint { get; }

    /// <summary>Connects, proves a new key and says hello.</summary>
    /// <param name="host">From where.</param>
    /// <param name="receiver">Where the receiver listens for senders.</param>
    /// <param name="source">Own address; null leaves it to the kernel.</param>
    public static async Task<HandmadeSender> ConnectAsync(Host host, IPEndPoint receiver, IPAddress? source = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=test", key, HashAlgorithmName.SHA256);
        var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var socket = host.Open(SocketType.Stream);
        HandmadeSender? sender = null;
        try
        {
            socket.NoDelay = true;
            if (source is not null)
            {
                socket.Bind(new IPEndPoint(source, 0));
            }

            await socket.ConnectAsync(receiver);
            sender = new HandmadeSender(socket, certificate);
            var options = new SslClientAuthenticationOptions
            {
                TargetHost = "",
                EnabledSslProtocols = SslProtocols.Tls13,
                ClientCertificateContext = SslStreamCertificateContext.Create(certificate, null, offline: true),
                ApplicationProtocols = [new SslApplicationProtocol("udptunnel-relay/1")],
                RemoteCertificateValidationCallback = (_, receiver, _, _) => receiver is not null,
            };
            using var patience = new CancellationTokenSource(Patience);
            await sender._stream.AuthenticateAsClientAsync(options, patience.Token);
            await sender.WriteAsync(Frame(Hello, 0, [Version, SenderRole]));
            sender._pinging = sender.PingAsync();
            return sender;
        }
        catch
        {
            sender?.Dispose();
            socket.Dispose();
            certificate.Dispose();
            throw;
        }
    }

    /// <summary>A frame: type, 0, length, flow, payload.</summary>
    public static byte[] Frame(byte type, uint flow = 0, byte[]? payload = null)
    {
        payload ??= [];
        var frame = new byte[HeaderLength + payload.Length];
        frame[0] = type;
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(2), (ushort)payload.Length);
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(4), flow);
        payload.CopyTo(frame, HeaderLength);
        return frame;
    }

    /// <summary>Writes whatever it is told.</summary>
    public async Task WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(_ended.Token);
        patience.CancelAfter(Patience);
        await _writing.WaitAsync(patience.Token);
        try
        {
            await _stream.WriteAsync(bytes, patience.Token);
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Reads frames until one of a type.</summary>
    /// <exception cref="IOException">The receiver closed the connection.</exception>
    public async Task<(uint Flow, byte[] Payload)> WaitForAsync(byte type, Func<byte[], bool>? isRight = null)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            var header = new byte[HeaderLength];
            await _stream.ReadExactlyAsync(header, patience.Token);
            var payload = new byte[BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(2))];
            await _stream.ReadExactlyAsync(payload, patience.Token);
            if (header[0] == type && (isRight is null || isRight(payload)))
            {
                return (BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(4)), payload);
            }
        }
    }

    /// <summary>Waits until the receiver closes the connection.</summary>
    public async Task WaitForEndAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        var buffer = new byte[4096];
        try
        {
            while (await _stream.ReadAsync(buffer, patience.Token) > 0) { }
        }
        catch (IOException)
        {
            // A reset is an end too.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ended.Cancel();
        _pinging.Wait();
        _stream.Dispose();
        _socket.Dispose();
        _certificate.Dispose();
        _writing.Dispose();
        _ended.Dispose();
    }

    private async Task PingAsync()
    {
        try
        {
            while (true)
            {
                await Task.Delay(PingInterval, _ended.Token);
                await WriteAsync(Frame(Ping));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // One of the two has closed the connection.
        }
    }
}
