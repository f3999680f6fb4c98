// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Linux;
using UdpTunnel.Tests.WireGuard;
using UdpTunnel.WireGuard;

namespace UdpTunnel.Tests.Fuzz.Targets;

/// <summary>
/// Messages of one type, made of a true one that has not been delivered: whatever becomes of it, the end that gets it
/// drops it, answers nothing and stays as it was. What the first byte of the input says is done with the others: they
/// are the message, or they are laid over the true one by exclusive or, which is then as long as they are or as it was,
/// with mac1 as it came or made right. Of packets they may also be what was inside.
/// </summary>
internal sealed class WireGuardMessageTarget : IFuzzTarget
{
    private const int Whole = 0;
    private const int OverCut = 1;
    private const int OverSigned = 2;
    private const int Inner = 3;

    private static readonly Endpoint Elsewhere = TestEnd.At("203.0.113.66:666");

    // Time stands still, so what is there at first has to last.
    private static readonly HandshakeRates NoLoad = new(CheapBurst: int.MaxValue);

    private readonly MessageType _type;
    private readonly TestPair _pair = new(NoLoad, leftRates: NoLoad);
    private readonly HandshakeCrypto _crypto = new();
    private readonly CookieJar _jar;
    private readonly TestEnd _end;
    private readonly Peer _peer;
    private readonly byte[] _true;

    /// <param name="name">Name of the target.</param>
    /// <param name="type">Which messages.</param>
    public WireGuardMessageTarget(string name, MessageType type)
    {
        Name = name;
        _type = type;
        (_end, _peer) = type is MessageType.Response or MessageType.CookieReply
            ? (_pair.Left, _pair.LeftPeer)
            : (_pair.Right, _pair.RightPeer);
        _true = Make();
        var key = new byte[PublicKey.Size];
        _end.Key.CopyTo(key);
        _jar = new CookieJar(_crypto, key);
        Words =
        [
            [(byte)type, 0, 0, 0],
            new byte[16],
            [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
            [0x45, 0, 0, 20],
            [10, 0, 0, 1],
            [0x60, 0, 0, 0, 0, 0, 17, 64],
            [0xFD, .. new byte[14], 1],
            _true[4..8],
        ];
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Words { get; }

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds(Random random)
    {
        yield return [Whole, .. _true[..^1], (byte)(_true[^1] ^ 1)];
        yield return [OverCut, .. new byte[_true.Length - 1]];
        yield return [OverCut, .. new byte[_true.Length + 1]];
        yield return [OverSigned, .. new byte[40], 1];
        yield return [Inner, .. InnerPacket.Make("10.0.0.1", "10.0.0.2")];
        yield return [Inner, .. InnerPacket.Make("fd00::1", "fd00::2")];
        yield return [Inner, .. InnerPacket.Make("10.0.0.9", "10.0.0.2")];
    }

    /// <inheritdoc/>
    public void Try(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
        {
            return;
        }

        var bytes = input[1..].ToArray();
        if (input[0] % 4 == Inner && _type == MessageType.Transport)
        {
            TryInner(bytes);
            return;
        }

        var message = bytes;
        if (input[0] % 4 != Whole)
        {
            message = input[0] % 4 == OverCut ? new byte[bytes.Length] : new byte[_true.Length];
            for (var i = 0; i < message.Length; i++)
            {
                message[i] = (byte)((i < _true.Length ? _true[i] : 0) ^ (i < bytes.Length ? bytes[i] : 0));
            }

            if (input[0] % 4 == OverSigned && _type is MessageType.Initiation or MessageType.Response)
            {
                _jar.Sign(message, _type == MessageType.Initiation ? InitiationMessage.Mac1 : ResponseMessage.Mac1, 0);
            }
        }

        if (SaysTheSame(message))
        {
            return;
        }

        var before = Describe();
        var received = _end.Receive(message, Elsewhere);
        Assert.Equal(ReceivedKind.Dropped, received.Kind);
        Assert.NotEqual(WireGuardDrop.None, received.Drop);
        Assert.Empty(_end.Outbox);
        Assert.Equal(before, Describe());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _pair.Dispose();
        _crypto.Dispose();
    }

    /// <summary>
    /// Any bytes as an inner packet of a peer: what comes out is a packet, whole, from an address of the peer's.
    /// </summary>
    private void TryInner(byte[] bytes)
    {
        if (bytes.Length > 2000)
        {
            return;
        }

        _pair.Left.Send(_pair.LeftPeer, bytes);
        var received = _pair.Right.Receive(_pair.Left.Outbox.Dequeue());
        if (bytes.Length == 0)
        {
            Assert.Equal(ReceivedKind.Keepalive, received.Kind);
        }
        else if (received.Kind == ReceivedKind.Packet)
        {
            var packet = received.Packet;
            var isV4 = packet[0] >> 4 == 4;
            Assert.Equal(isV4 ? (packet[2] << 8) | packet[3] : 40 + ((packet[4] << 8) | packet[5]), packet.Length);
            Assert.Equal(isV4 ? [10, 0, 0, 1] : [0xFD, .. new byte[14], 1], isV4 ? packet[12..16] : packet[8..24]);

            // Padding is zeros, and may be taken for more of a packet that says that it is longer than it was.
            byte[] padded = [.. bytes, .. new byte[16]];
            Assert.Equal(padded[..packet.Length], packet);
        }
        else
        {
            Assert.True(received.Drop is WireGuardDrop.Malformed or WireGuardDrop.WrongSource);
        }
    }

    private byte[] Make()
    {
        if (_type == MessageType.Transport)
        {
            _pair.Connect();
            _pair.Left.Send(TestPair.ToRight(1));
            return Assert.Single(_pair.Take(_pair.Left)).Bytes;
        }

        _pair.Left.Engine.BeginHandshake(_pair.LeftPeer);
        var initiation = Assert.Single(_pair.Take(_pair.Left));
        if (_type == MessageType.Response)
        {
            _pair.Right.Receive(initiation);
            return Assert.Single(_pair.Take(_pair.Right)).Bytes;
        }

        if (_type == MessageType.CookieReply)
        {
            using var busy = new TestEnd(
                "192.0.2.2:1002",
                1,
                _pair.Right.PrivateKey,
                new HandshakeRates(CheapRate: 0, CheapBurst: 0)
            );
            busy.Receive(initiation);
            return Assert.Single(busy.Outbox).Bytes;
        }

        return initiation.Bytes;
    }

    /// <summary>
    /// Whether a message is the true one but for what nobody vouches for: mac2 without a cookie, and the sender's
    /// index, which only mac1 covers.
    /// </summary>
    private bool SaysTheSame(byte[] message)
    {
        if (message.Length != _true.Length || _type is MessageType.CookieReply or MessageType.Transport)
        {
            return message.SequenceEqual(_true);
        }

        var end = _type == MessageType.Initiation ? InitiationMessage.Mac1 : ResponseMessage.Mac1;
        return message.AsSpan(0, 4).SequenceEqual(_true.AsSpan(0, 4))
            && message.AsSpan(8..end).SequenceEqual(_true.AsSpan(8..end));
    }

    private object Describe() =>
        (
            _peer.Endpoint.ToString(),
            _peer.Current,
            _peer.Next,
            _peer.Timestamps,
            _peer.LastReceivedAt,
            _peer.LastHandshakeAt,
            _peer.Counters.PacketsIn,
            _peer.Counters.CookiesIn,
            _end.Engine.SessionCount
        );
}
