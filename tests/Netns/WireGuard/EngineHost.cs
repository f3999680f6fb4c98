// SPDX-License-Identifier: BSD-3-Clause

extern alias daemon;

using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using daemon::UdpTunnel.WireGuard;
using UdpTunnel.Config;
using UdpTunnel.Tests.Harness;
using Endpoint = daemon::UdpTunnel.Linux.Endpoint;

namespace UdpTunnel.Tests.Netns.WireGuard;

/// <summary>
/// Our engine behind a UDP socket in a namespace: a thread that receives, answers pings and tells the time. It runs
/// with a clock of its own, so that a test can let two minutes pass at once.
/// </summary>
internal sealed class EngineHost : IWireGuardOutput, IDisposable
{
    private const int Room = 70_000;
    private const int PollMicroseconds = 2_000;

    private readonly NetworkNamespace _network;
    private readonly unsafe byte* _memory = (byte*)NativeMemory.AllocZeroed(Room);
    private readonly WireGuardEngine _engine;
    private readonly ConcurrentQueue<Action> _wanted = new();
    private readonly ConcurrentDictionary<ushort, bool> _replies = new();
    private readonly Thread _thread;
    private Socket _socket;
    private Exception? _failure;
    private TimeSpan _ahead;
    private volatile bool _ends;

    public EngineHost(NetworkNamespace network, HandshakeRates? rates = null)
    {
        _network = network;
        _socket = Open();
        Span<byte> key = stackalloc byte[32];
        LocalIdentity.Generate(RandomSource.System, key);
        _engine = new WireGuardEngine(
            LocalIdentity.Import(key),
            this,
            RandomSource.System,
            rates ?? new HandshakeRates()
        );
        TellTime();
        _thread = new Thread(Run) { Name = nameof(EngineHost) };
        _thread.Start();
    }

    /// <summary>The engine, for its own thread.</summary>
    public WireGuardEngine Engine => _engine;

    public string Key => _engine.Key.ToString();

    public IPEndPoint Address => (IPEndPoint)_socket.LocalEndPoint!;

    /// <summary>Enters a peer on this host.</summary>
    public Peer Add(string key, int port, byte[] presharedKey, string[] allowedIps)
    {
        Peer? peer = null;
        Do(() =>
        {
            Assert.True(PublicKey.TryParse(key, out var publicKey));
            Assert.Equal(PeerRefusal.None, _engine.AddPeer(publicKey, default, out peer));
            peer!.SetPresharedKey(presharedKey);
            peer!.SetEndpoint(Endpoint.From(new IPEndPoint(IPAddress.Loopback, port), dualStack: false));
            _engine.SetAllowedIps(
                peer!,
                [
                    .. allowedIps
                        .Select(IPNetwork.Parse)
                        .Select(network => IpPrefix.Of(network.BaseAddress, network.PrefixLength)),
                ]
            );
        });
        return peer!;
    }

    /// <summary>Pings until there is a reply.</summary>
    public async Task PingAsync(Peer peer, string from, string to, int dataLength = 56, TimeSpan? patience = null)
    {
        var number = (ushort)Random.Shared.Next(ushort.MaxValue);
        var request = Echo.Request(from, to, number, dataLength);
        Do(() => Send(peer, request));
        await WaitFor.TrueAsync(() => _replies.TryRemove(number, out _), $"a reply from {to}", patience);
    }

    /// <summary>Lets time pass for this end alone.</summary>
    public void LetPass(TimeSpan time) => Do(() => _ahead += time);

    /// <summary>Goes on from another port.</summary>
    public void Move() =>
        Do(() =>
        {
            var before = _socket;
            _socket = Open();
            before.Dispose();
        });

    /// <summary>Sends a datagram past the engine.</summary>
    public void SendRaw(ReadOnlySpan<byte> datagram, int port) =>
        _socket.SendTo(datagram, new IPEndPoint(IPAddress.Loopback, port));

    /// <summary>Does something on the thread of the engine, and waits for it.</summary>
    public void Do(Action action)
    {
        using var done = new ManualResetEventSlim();
        _wanted.Enqueue(() =>
        {
            try
            {
                action();
            }
            finally
            {
                done.Set();
            }
        });
        Assert.True(done.Wait(WaitFor.Patience), $"the engine's thread does not answer: {_failure}");
        Assert.Null(_failure);
    }

    unsafe void IWireGuardOutput.Send(byte* datagram, int length, int packetLength, in Endpoint endpoint, Peer? peer) =>
        _socket.SendTo(new ReadOnlySpan<byte>(datagram, length), endpoint.ToIPEndPoint());

    void IWireGuardOutput.Notify(Peer peer, PeerEvent what) { }

    public unsafe void Dispose()
    {
        _ends = true;
        _thread.Join();
        _engine.Dispose();
        _socket.Dispose();
        NativeMemory.Free(_memory);
    }

    private Socket Open()
    {
        var socket = _network.Open(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    private void Run()
    {
        try
        {
            while (!_ends)
            {
                TellTime();
                while (_wanted.TryDequeue(out var action))
                {
                    action();
                }

                if (_socket.Poll(PollMicroseconds, SelectMode.SelectRead))
                {
                    Receive();
                }
            }
        }
        catch (Exception e)
        {
            _failure = e;
        }
    }

    private void TellTime()
    {
        var now = Environment.TickCount64 + (long)_ahead.TotalMilliseconds;
        _engine.Advance(now, Tai64n.From(DateTimeOffset.UtcNow + _ahead));
    }

    private unsafe void Receive()
    {
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        var length = _socket.ReceiveFrom(new Span<byte>(_memory, Room), ref from);
        var received = _engine.Receive(_memory, length, Endpoint.From((IPEndPoint)from, dualStack: false));
        if (received.Kind != ReceivedKind.Packet)
        {
            return;
        }

        var packet = new ReadOnlySpan<byte>(received.Packet, received.Length).ToArray();
        if (Echo.ReplyTo(packet) is { } reply)
        {
            Send(received.Peer!, reply);
        }
        else if (Echo.NumberOfReply(packet) is { } number)
        {
            _replies[number] = true;
        }
    }

    private unsafe void Send(Peer peer, byte[] packet)
    {
        packet.CopyTo(new Span<byte>(_memory + TransportMessage.HeaderSize, packet.Length));
        if (!_engine.TryBegin(peer, 1, out var run))
        {
            _engine.Wait(peer, _memory + TransportMessage.HeaderSize, packet.Length);
            return;
        }

        var length = run.Seal(_memory, packet.Length);
        _engine.End(ref run);
        ((IWireGuardOutput)this).Send(_memory, length, packet.Length, peer.Endpoint, peer);
    }
}
