// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using UdpTunnel.Config;
using UdpTunnel.Crypto;
using UdpTunnel.Events;
using UdpTunnel.Filter;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.Relay;
using UdpTunnel.Relay.Approval;
using UdpTunnel.Relay.Link;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Tests.Fuzz.Targets;

/// <summary>
/// Talks to both ends of a relay as they run, over the loopback: bytes instead of the handshake, and frames after it.
/// Each connection ends when its peer has said everything, and neither end fails for it.
/// </summary>
/// <remarks>The first byte says which end, and whether the bytes come before or after the handshake.</remarks>
internal sealed class GreetingTarget : IFuzzTarget
{
    private const int Networks = 64;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Identity _own = NewIdentity();
    private readonly Identity _peers = NewIdentity();
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Lazy<(ReceiverEngine Engine, int Port)> _receiver;
    private readonly RelayServices _services;
    private int _connections;

    public GreetingTarget()
    {
        _services = new RelayServices(
            new EventLog(TimeProvider.System, NullLogger<EventLog>.Instance),
            TimeProvider.System,
            () => _own,
            () => { },
            new Supervised(NullLogger<Supervised>.Instance),
            new HostAddresses(() => [])
        );
        _receiver = new Lazy<(ReceiverEngine, int)>(() => StartReceiver(_services));
    }

    /// <inheritdoc/>
    public string Name => "tls-greeting";

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Words { get; } =
    [
        [1, 0, 0, 2, 0, 0, 0, 0, 1, 2],
        [1, 0, 0, 3, 0, 0, 0, 0, 1, 1, 8],
        [2, 0, 0, 0, 0, 0, 0, 0],
        [3, 0, 0, 1, 0, 0, 0, 0, 1],
        [8, 0, 0, 1, 0, 0, 0, 0, 2],
        [6, 0, 0, 0, 0, 0, 0, 0],
        [7, 0, 0, 0, 0, 0, 0, 0],
        [1, 0, 0, 23, 0, 0, 0, 0, 2, 2, 10, 1, 1, 0, 9, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 1, (byte)'h', 1, (byte)'r', 0, 0],
        [1, 0, 0, 3, 0, 0, 0, 0, 2, 1, 10],
        [10, 0, 0, 6, 0, 0, 0, 0, 0, 1, 0, 53, 0, 60],
        [10, 0, 0, 2, 0, 0, 0, 0, 0, 0],
        [9, 0, 0, 12, 0, 1, 0, 0, 0, 53, 0, 1, 127, 0, 0, 1, 127, 0, 0, 1],
        [4, 0, 0, 1, 0, 0, 0, 1, 9],
        [4, 0, 0, 1, 0, 1, 0, 0, 9],
        [0x16, 3, 1, 0, 4],
        [0x15, 3, 3, 0, 2, 2, 0x28],
        [0x16, 3, 3],
        [0x17, 3, 3],
    ];

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds(Random random)
    {
        for (byte mode = 0; mode < 4; mode++)
        {
            foreach (var word in Words)
            {
                yield return [mode, .. word];
            }

            yield return [mode, .. Words[0], .. Words[5], .. Words[6]];
            yield return [mode, .. Words[1], .. Words[4], .. Words[2], .. Words[7]];
            yield return [mode, .. Words[7], .. Words[9], .. Words[5]];
            yield return [mode, .. Words[8], .. Words[2], .. Words[9], .. Words[11], .. Words[13], .. Words[10]];
            yield return [mode, .. ClientHello()];
        }
    }

    /// <inheritdoc/>
    public void Try(ReadOnlySpan<byte> input)
    {
        if (input.Length is < 1 or > 1 << 16)
        {
            return;
        }

        var bytes = input[1..].ToArray();
        if ((input[0] & 1) == 0)
        {
            TalkToReceiver(bytes, afterHandshake: (input[0] & 2) != 0);
        }
        else
        {
            TalkToSender(bytes, afterHandshake: (input[0] & 2) != 0);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_receiver.IsValueCreated)
        {
            _receiver.Value.Engine.Dispose();
        }

        _listener.Dispose();
    }

    private void TalkToReceiver(byte[] bytes, bool afterHandshake)
    {
        var (engine, port) = _receiver.Value;
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

        // Each network may shake hands a few times a second only.
        socket.Bind(new IPEndPoint(AddressOf(_connections++ % Networks), 0));
        socket.Connect(IPAddress.Loopback, port);
        Talk(socket, isReceiver: false, bytes, afterHandshake);
        Assert.Null(engine.Failure);
    }

    private void TalkToSender(byte[] bytes, bool afterHandshake)
    {
        if (!_listener.Server.IsBound)
        {
            _listener.Start();
        }

        using var stop = new WakeSignal();
        using var targets = new ServiceTargets(AtLoopback(9), "greeting", _services);
        using var connection = new SenderConnection(
            TcpSocket.Connect((IPEndPoint)_listener.LocalEndpoint, Patience, stop),
            new TlsCodec(),
            _own.Context,
            maxFlows: 10,
            targets
        );
        using var socket = _listener.AcceptSocket();
        var session = new SenderSession(
            connection,
            () => new Introduction(targets.Offer, 1, "h", "r"),
            _ => null,
            _ => { },
            _ => { },
            _ => { }
        );
        var running = Task.Run(session.Run);
        Talk(socket, isReceiver: true, bytes, afterHandshake);
        Assert.True(running.Wait(Patience));
        Assert.DoesNotContain("this end failed", running.Result.Problem, StringComparison.Ordinal);
        Assert.Equal(ConnectionState.Ended, connection.State);
    }

    /// <summary>Says everything, and waits for the end.</summary>
    private void Talk(Socket socket, bool isReceiver, byte[] bytes, bool afterHandshake)
    {
        socket.ReceiveTimeout = (int)Patience.TotalMilliseconds;
        try
        {
            if (afterHandshake)
            {
                var own = new TcpSocket((int)socket.Handle, (IPEndPoint)socket.RemoteEndPoint!);
                var stream = new LinkStream(own, _peers.Context, isReceiver);
                TlsProgress progress;
                while ((progress = stream.Shake()) == TlsProgress.Waits)
                {
                    own.Wait(forRoom: false, 1000);
                }

                if (progress != TlsProgress.Done)
                {
                    return;
                }

                foreach (var part in bytes.Chunk(4000))
                {
                    if (!stream.TryWrite(part) || !stream.TryFlush())
                    {
                        break;
                    }
                }
            }
            else
            {
                socket.Send(bytes);
            }

            socket.Shutdown(SocketShutdown.Send);
            var buffer = new byte[4096];
            while (socket.Receive(buffer) > 0) { }
        }
        catch (SocketException e) when (e.SocketErrorCode != SocketError.TimedOut)
        {
            // The other end has ended it.
        }
    }

    private static IPAddress AddressOf(int network) => new([127, 0, (byte)(network + 1), 1]);

    private static (ReceiverEngine Engine, int Port) StartReceiver(RelayServices services)
    {
        var friends = Enumerable
            .Range(0, Networks)
            .Select(i => new ApprovedSender(
                KeyFingerprint.FromHash(SHA256.HashData([(byte)i])),
                $"{AddressOf(i)}:1",
                DateTimeOffset.UnixEpoch
            ))
            .ToList();
        var (udp, tcp) = (FreePort(SocketType.Dgram), FreePort(SocketType.Stream));
        var config = new RelayConfig
        {
            Name = "greeting",
            Relay = RelayRole.Receiver,
            UdpAddress = AtLoopback(udp),
            TcpAddress = AtLoopback(tcp),
            Protocol = RelayProtocol.Tls,
        };
        return (ReceiverEngine.Start(config, services, new SenderKeys(() => friends, _ => { })), tcp);
    }

    private static HostPort AtLoopback(int port) =>
        HostPort.TryParse($"127.0.0.1:{port}", out var address, out _)
            ? address
            : throw new InvalidOperationException("no address");

    private static int FreePort(SocketType type)
    {
        var protocol = type == SocketType.Stream ? ProtocolType.Tcp : ProtocolType.Udp;
        using var socket = new Socket(AddressFamily.InterNetwork, type, protocol);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private byte[] ClientHello()
    {
        using var end = new TlsEnd(_peers.Context, isServer: false);
        byte[] hello = [];
        end.Sends = bytes => hello = bytes;
        _ = end.Session.Shake();
        return hello;
    }

    private static Identity NewIdentity() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256));
}
