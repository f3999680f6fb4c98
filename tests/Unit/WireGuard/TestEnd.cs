// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Runtime.InteropServices;
using UdpTunnel.Config;
using UdpTunnel.Linux;
using UdpTunnel.WireGuard;

namespace UdpTunnel.Tests.WireGuard;

/// <summary>Chance that repeats itself.</summary>
internal sealed class SeededRandom(int seed) : RandomSource
{
    private readonly Random _random = new(seed);

    public override void Fill(Span<byte> output) => _random.NextBytes(output);
}

/// <summary>A datagram on its way.</summary>
internal sealed record TestDatagram(byte[] Bytes, Endpoint From, Endpoint To)
{
    public MessageType Type => Bytes.Length >= 4 ? (MessageType)BitConverter.ToUInt32(Bytes) : 0;
}

/// <summary>What an end made of a datagram, with a copy of the packet.</summary>
internal sealed record TestReceived(ReceivedKind Kind, WireGuardDrop Drop, Peer? Peer, byte[] Packet);

/// <summary>An engine with memory around it, and what it has sent and told.</summary>
internal sealed unsafe class TestEnd : IWireGuardOutput, IDisposable
{
    private const int Room = 70_000;

    private readonly byte* _memory = (byte*)NativeMemory.AllocZeroed(Room);

    public TestEnd(string address, int seed = 1, byte[]? privateKey = null, HandshakeRates? rates = null)
    {
        Address = At(address);
        PrivateKey = privateKey ?? NewPrivateKey(seed);
        Engine = new WireGuardEngine(
            LocalIdentity.Import(PrivateKey),
            this,
            new SeededRandom(seed),
            rates ?? new HandshakeRates()
        );
    }

    public WireGuardEngine Engine { get; }

    public byte[] PrivateKey { get; }

    public PublicKey Key => Engine.Key;

    /// <summary>Where it is; tests may move it.</summary>
    public Endpoint Address { get; set; }

    public Queue<TestDatagram> Outbox { get; } = [];

    public List<(Peer Peer, PeerEvent What)> Events { get; } = [];

    public static Endpoint At(string address) => Endpoint.From(IPEndPoint.Parse(address), dualStack: true);

    public static byte[] NewPrivateKey(int seed)
    {
        var key = new byte[32];
        LocalIdentity.Generate(new SeededRandom(seed), key);
        return key;
    }

    /// <summary>Enters a peer.</summary>
    public Peer Add(PublicKey key, Endpoint endpoint, params string[] allowedIps)
    {
        Assert.Equal(PeerRefusal.None, Engine.AddPeer(key, default, out var peer));
        peer!.SetEndpoint(endpoint);
        Engine.SetAllowedIps(peer!, [.. allowedIps.Select(Prefix)]);
        return peer!;
    }

    public static IpPrefix Prefix(string text)
    {
        var network = IPNetwork.Parse(text);
        return IpPrefix.Of(network.BaseAddress, network.PrefixLength);
    }

    /// <summary>Hands it a packet for a peer: sealed at once, or kept for a handshake.</summary>
    public WireGuardDrop Send(Peer peer, byte[] packet)
    {
        packet.CopyTo(new Span<byte>(_memory + TransportMessage.HeaderSize, packet.Length));
        if (!Engine.TryBegin(peer, 1, out var run))
        {
            return Engine.Wait(peer, _memory + TransportMessage.HeaderSize, packet.Length);
        }

        var length = run.Seal(_memory, packet.Length);
        Assert.NotEqual(0, length);
        Engine.End(ref run);
        ((IWireGuardOutput)this).Send(_memory, length, packet.Length, peer.Endpoint, peer);
        return WireGuardDrop.None;
    }

    /// <summary>Hands it a packet, which goes where it says.</summary>
    public WireGuardDrop Send(byte[] packet)
    {
        fixed (byte* start = packet)
        {
            return Engine.Route(start, packet.Length, out var drop) is { } peer ? Send(peer, packet) : drop;
        }
    }

    /// <summary>
    /// Hands it a datagram, right before memory that it must not touch is of no concern here:
    /// <see cref="HostileTests"/> sees to that.
    /// </summary>
    public TestReceived Receive(byte[] datagram, Endpoint from)
    {
        datagram.CopyTo(new Span<byte>(_memory, datagram.Length));
        var received = Engine.Receive(_memory, datagram.Length, from);
        return new TestReceived(
            received.Kind,
            received.Drop,
            received.Peer,
            new ReadOnlySpan<byte>(received.Packet, received.Length).ToArray()
        );
    }

    public TestReceived Receive(TestDatagram datagram) => Receive(datagram.Bytes, datagram.From);

    public int CountOf(PeerEvent what) => Events.Count(e => e.What == what);

    void IWireGuardOutput.Send(byte* datagram, int length, int packetLength, in Endpoint endpoint, Peer? peer) =>
        Outbox.Enqueue(new TestDatagram(new ReadOnlySpan<byte>(datagram, length).ToArray(), Address, endpoint));

    void IWireGuardOutput.Notify(Peer peer, PeerEvent what) => Events.Add((peer, what));

    public void Dispose()
    {
        Engine.Dispose();
        NativeMemory.Free(_memory);
    }
}

/// <summary>Inner packets with a number in them.</summary>
internal static class InnerPacket
{
    public static byte[] Make(string from, string to, long number = 0, int length = 64)
    {
        var source = IPAddress.Parse(from).GetAddressBytes();
        var destination = IPAddress.Parse(to).GetAddressBytes();
        var packet = new byte[length];
        if (source.Length == 4)
        {
            packet[0] = 0x45;
            packet[2] = (byte)(length >> 8);
            packet[3] = (byte)length;
            source.CopyTo(packet, 12);
            destination.CopyTo(packet, 16);
        }
        else
        {
            packet[0] = 0x60;
            packet[4] = (byte)((length - 40) >> 8);
            packet[5] = (byte)(length - 40);
            source.CopyTo(packet, 8);
            destination.CopyTo(packet, 24);
        }

        BitConverter.TryWriteBytes(packet.AsSpan(length - 8), number);
        return packet;
    }

    public static long NumberOf(byte[] packet) => BitConverter.ToInt64(packet, packet.Length - 8);
}
