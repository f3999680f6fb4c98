// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Crypto;
using UdpTunnel.WireGuard;

namespace UdpTunnel.Tests.WireGuard;

/// <summary>
/// A whole handshake on the published vector of Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s (cacophony's, as the tests of
/// other implementations have it): both messages of both ends byte by byte, and the first four transport messages.
/// </summary>
public sealed unsafe class NoiseHandshakeTests : IDisposable
{
    private const string Prologue = "4a6f686e2047616c74";
    private const string InitiatorStatic = "e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1";
    private const string InitiatorEphemeral = "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a";
    private const string ResponderStatic = "4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893";
    private const string ResponderEphemeral = "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b";
    private const string PresharedKey = "54686973206973206d7920417573747269616e20706572737065637469766521";

    private static readonly (string Payload, string Message)[] Messages =
    [
        (
            "4c756477696720766f6e204d69736573",
            "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944001e21de9f98ddd8e2ad57527207feb5"
                + "6253c9c94a9e496782ecfcb2a75fbcaf1b52948cc48daefe660c62119ab5000980c84831215f2441eba616548e832985"
                + "464cf17e51ee93109008399a21f7e13f"
        ),
        (
            "4d757272617920526f746862617264",
            "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843cb765f2caef0751b8f007572dab03222"
                + "17755c0632f365717edbf34d33e87a"
        ),
        ("462e20412e20486179656b", "8153ca9833bc3c1b91a7e66e5f4d4f5b59bf9e64c2f20d15f0bba7"),
        ("4361726c204d656e676572", "07af0c9c86e1b4e80f36b04ff7688d51141af3debd0332f0a705ef"),
        ("4a65616e2d426170746973746520536179", "6ab1467c0448cc78394494abaaf23afce0e234315d6e2624dcbfa8a21c1c4d073d"),
        (
            "457567656e2042f6686d20766f6e2042617765726b",
            "dfc346c0d2296ae6cf1acf6f12b8456a1dba228cf8d8b774aacf1c47fc53aa80ebc7a4c292"
        ),
    ];

    private readonly HandshakeCrypto _crypto = new();
    private readonly LocalIdentity _initiator = LocalIdentity.Import(Convert.FromHexString(InitiatorStatic));
    private readonly LocalIdentity _responder = LocalIdentity.Import(Convert.FromHexString(ResponderStatic));

    [Fact]
    public void Both_ends_write_and_read_the_published_messages_and_come_to_the_published_keys()
    {
        var initiator = new NoiseState(_crypto, new byte[NoiseState.Size]);
        var responder = new NoiseState(_crypto, new byte[NoiseState.Size]);
        initiator.Begin(Convert.FromHexString(Prologue), _responder.PublicKeyBytes);
        responder.Begin(Convert.FromHexString(Prologue), _responder.PublicKeyBytes);
        var shared = Agree(_initiator, _responder);
        Assert.Equal(shared, Agree(_responder, _initiator));

        var payload = Convert.FromHexString(Messages[0].Payload);
        var first = new byte[NoiseHandshake.FirstOverhead + payload.Length + ChaChaKey.TagSize];
        using var initiatorKey = X25519PrivateKey.Import(Convert.FromHexString(InitiatorEphemeral));
        Assert.True(
            NoiseHandshake.WriteFirst(
                initiator,
                _initiator.PublicKeyBytes,
                _responder.PublicKeyBytes,
                shared,
                initiatorKey,
                payload,
                first
            )
        );
        Assert.Equal(Messages[0].Message, Convert.ToHexStringLower(first));

        var opened = new byte[payload.Length + ChaChaKey.TagSize];
        Assert.True(NoiseHandshake.ReadStaticKey(responder, _responder.PrivateKey, first, out var sender));
        Assert.Equal(_initiator.Key, sender);
        Assert.True(NoiseHandshake.ReadFirst(responder, shared, first, opened));
        Assert.Equal(payload, opened[..payload.Length]);

        payload = Convert.FromHexString(Messages[1].Payload);
        var second = new byte[32 + payload.Length + ChaChaKey.TagSize];
        var presharedKey = Convert.FromHexString(PresharedKey);
        using var responderKey = X25519PrivateKey.Import(Convert.FromHexString(ResponderEphemeral));
        Assert.True(
            NoiseHandshake.WriteSecond(
                responder,
                _initiator.PublicKeyBytes,
                first.AsSpan(0, 32),
                presharedKey,
                responderKey,
                payload,
                second
            )
        );
        Assert.Equal(Messages[1].Message, Convert.ToHexStringLower(second));

        opened = new byte[payload.Length + ChaChaKey.TagSize];
        Assert.True(
            NoiseHandshake.ReadSecond(initiator, _initiator.PrivateKey, initiatorKey, presharedKey, second, opened)
        );
        Assert.Equal(payload, opened[..payload.Length]);

        var keys = Split(initiator);
        Assert.Equal(keys, Split(responder));
        using var toResponder = ChaChaKey.ForSealing(keys.ToResponder);
        using var toInitiator = ChaChaKey.ForSealing(keys.ToInitiator);
        Assert.Equal(Messages[2].Message, Seal(toResponder, 0, Messages[2].Payload));
        Assert.Equal(Messages[3].Message, Seal(toInitiator, 0, Messages[3].Payload));
        Assert.Equal(Messages[4].Message, Seal(toResponder, 1, Messages[4].Payload));
        Assert.Equal(Messages[5].Message, Seal(toInitiator, 1, Messages[5].Payload));
    }

    [Fact]
    public void A_handshake_leaves_nothing_in_its_state()
    {
        var memory = new byte[NoiseState.Size];
        var state = new NoiseState(_crypto, memory);
        state.Begin(Protocol.Identifier, _responder.PublicKeyBytes);
        state.MixKey(new byte[32]);
        Assert.DoesNotContain(memory.Chunk(32), part => part.All(b => b == 0));
        _ = Split(state);
        Assert.All(memory, b => Assert.Equal(0, b));
    }

    public void Dispose()
    {
        _crypto.Dispose();
        _initiator.Dispose();
        _responder.Dispose();
    }

    private static byte[] Agree(LocalIdentity one, LocalIdentity other)
    {
        var shared = new byte[32];
        Assert.True(one.PrivateKey.Agree(other.PublicKeyBytes, shared));
        return shared;
    }

    private static Keys Split(NoiseState state)
    {
        var toResponder = new byte[32];
        var toInitiator = new byte[32];
        state.Split(toResponder, toInitiator);
        return new Keys(toResponder, toInitiator);
    }

    private static string Seal(ChaChaKey key, ulong counter, string payload)
    {
        byte[] text = [.. Convert.FromHexString(payload), .. new byte[ChaChaKey.TagSize]];
        fixed (byte* start = text)
        {
            Assert.True(key.Seal(counter, start, text.Length - ChaChaKey.TagSize));
        }

        return Convert.ToHexStringLower(text);
    }

    private sealed record Keys(byte[] ToResponder, byte[] ToInitiator)
    {
        public bool Equals(Keys? other) =>
            other != null
            && ToResponder.SequenceEqual(other.ToResponder)
            && ToInitiator.SequenceEqual(other.ToInitiator);

        public override int GetHashCode() => ToResponder[0];
    }
}
