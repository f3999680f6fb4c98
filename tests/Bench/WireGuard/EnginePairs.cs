// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Runtime.InteropServices;
using UdpTunnel.Config;
using UdpTunnel.Linux;
using UdpTunnel.WireGuard;

namespace UdpTunnel.Bench.WireGuard;

/// <summary>
/// An engine with many peers, and an engine for each of them, with what they send handed over by hand.
/// </summary>
internal sealed unsafe class EnginePairs : IWireGuardOutput, IDisposable
{
    /// <summary>Where everything comes from.</summary>
    public static readonly Endpoint Address = Endpoint.From(IPEndPoint.Parse("192.0.2.1:51820"), dualStack: true);

    private const int Room = 2048;

    private readonly byte* _memory = (byte*)NativeMemory.AllocZeroed(Room);
    private readonly WireGuardEngine[] _others;
    private readonly Peer[] _peers;
    private readonly byte[][] _initiations;
    private readonly byte[] _last = new byte[Room];
    private int _lastLength;

    public EnginePairs(int count)
    {
        Engine = Make();
        _others = new WireGuardEngine[count];
        _peers = new Peer[count];
        _initiations = new byte[count][];
        for (int i = 0; i < count; i++)
        {
            _others[i] = Make();
            Join(Engine, _others[i].Key, [Inner(i)]);
            _peers[i] = Join(_others[i], Engine.Key, [IPAddress.Parse("172.16.0.1")]);
        }
    }

    /// <summary>The one with many peers.</summary>
    public WireGuardEngine Engine { get; }

    /// <summary>The engine of a peer.</summary>
    public WireGuardEngine OtherOf(int peer) => _others[peer];

    /// <summary>A packet between the engine and a peer.</summary>
    public static byte[] Packet(int peer, int length, bool isToPeer)
    {
        var packet = new byte[length];
        packet[0] = 0x45;
        packet[2] = (byte)(length >> 8);
        packet[3] = (byte)length;
        var (from, to) = (IPAddress.Parse("172.16.0.1"), Inner(peer));
        (isToPeer ? from : to).TryWriteBytes(packet.AsSpan(12), out _);
        (isToPeer ? to : from).TryWriteBytes(packet.AsSpan(16), out _);
        return packet;
    }

    /// <summary>Has each peer make an initiation.</summary>
    public void BeginAll(long now)
    {
        for (int i = 0; i < _others.Length; i++)
        {
            _others[i].Advance(now, Wall(now));
            _others[i].BeginHandshake(_peers[i]);
            _initiations[i] = _last[..InitiationMessage.Size];
        }
    }

    /// <summary>Hands the initiations to the engine.</summary>
    public void AnswerAll(long now)
    {
        Engine.Advance(now, Wall(now));
        foreach (byte[] initiation in _initiations)
        {
            HandOver(Engine, initiation);
        }
    }

    /// <summary>Brings up a session with each peer.</summary>
    public void ConnectAll(long now)
    {
        Engine.Advance(now, Wall(now));
        for (int i = 0; i < _others.Length; i++)
        {
            // Initiation, response, keepalive.
            _others[i].Advance(now, Wall(now));
            _others[i].BeginHandshake(_peers[i]);
            HandOver(Engine, _last.AsSpan(0, _lastLength).ToArray());
            HandOver(_others[i], _last.AsSpan(0, _lastLength).ToArray());
            HandOver(Engine, _last.AsSpan(0, _lastLength).ToArray());
        }
    }

    void IWireGuardOutput.Send(byte* datagram, int length, int packetLength, in Endpoint endpoint, Peer? peer)
    {
        new ReadOnlySpan<byte>(datagram, length).CopyTo(_last);
        _lastLength = length;
    }

    void IWireGuardOutput.Notify(Peer peer, PeerEvent what) { }

    public void Dispose()
    {
        Engine.Dispose();
        Array.ForEach(_others, other => other.Dispose());
        NativeMemory.Free(_memory);
    }

    private static IPAddress Inner(int peer) => new([10, (byte)(peer >> 16), (byte)(peer >> 8), (byte)peer]);

    private static Tai64n Wall(long now) => Tai64n.From(DateTimeOffset.UnixEpoch + TimeSpan.FromMilliseconds(now));

    private static Peer Join(WireGuardEngine engine, PublicKey key, IPAddress[] addresses)
    {
        if (engine.AddPeer(key, default, out var peer) != PeerRefusal.None)
        {
            throw new InvalidOperationException("no peer");
        }

        peer!.SetEndpoint(Address);
        engine.SetAllowedIps(peer!, [.. addresses.Select(address => IpPrefix.Of(address, 32))]);
        return peer!;
    }

    private WireGuardEngine Make()
    {
        Span<byte> key = stackalloc byte[32];
        LocalIdentity.Generate(RandomSource.System, key);
        var rates = new HandshakeRates(CheapRate: 1_000_000, CheapBurst: 1_000_000);
        return new WireGuardEngine(LocalIdentity.Import(key), this, RandomSource.System, rates);
    }

    private void HandOver(WireGuardEngine engine, byte[] datagram)
    {
        datagram.CopyTo(new Span<byte>(_memory, Room));
        if (engine.Receive(_memory, datagram.Length, Address) is { Kind: ReceivedKind.Dropped } dropped)
        {
            throw new InvalidOperationException($"dropped: {dropped.Drop}");
        }
    }
}
