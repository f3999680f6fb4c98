// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using UdpTunnel.Crypto;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Crypto;

/// <summary>ChaCha20-Poly1305 on the published vector, and that nothing but the true text is opened.</summary>
public sealed unsafe class ChaChaKeyTests
{
    internal const string Sunscreen =
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
        + "sunscreen would be it.";

    [Fact]
    public void The_vector_of_RFC_8439_section_2_8_2_is_sealed_and_opened()
    {
        byte[] key = Convert.FromHexString("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
        byte[] nonce = Convert.FromHexString("070000004041424344454647");
        byte[] associated = Convert.FromHexString("50515253c0c1c2c3c4c5c6c7");
        byte[] plain = Encoding.ASCII.GetBytes(Sunscreen);
        byte[] text = [.. plain, .. new byte[ChaChaKey.TagSize]];
        using var sealing = ChaChaKey.ForSealing(key);
        using var opening = ChaChaKey.ForOpening(key);
        fixed (byte* start = text)
        {
            Assert.True(sealing.Seal(nonce, associated, start, plain.Length));
            Assert.Equal(
                "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b"
                    + "1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
                    + "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691",
                Convert.ToHexStringLower(text)
            );
            Assert.True(opening.Open(nonce, associated, start, text.Length));
        }

        Assert.Equal(plain, text[..plain.Length]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(64)]
    [InlineData(511)]
    [InlineData(512)]
    [InlineData(513)]
    [InlineData(1424)]
    [InlineData(65_535)]
    public void Texts_of_every_length_come_back_and_touch_nothing_around_them(int length)
    {
        using var memory = new GuardedMemory(length + ChaChaKey.TagSize);
        using var sealing = ChaChaKey.ForSealing(Key(1));
        using var opening = ChaChaKey.ForOpening(Key(1));
        byte[] plain = new byte[length];
        new Random(length).NextBytes(plain);
        byte* text = memory.PlaceAtEnd([.. plain, .. new byte[ChaChaKey.TagSize]]);

        Assert.True(sealing.Seal(7, text, length));
        Assert.True(opening.Open(7, text, length + ChaChaKey.TagSize));
        Assert.Equal(plain, new ReadOnlySpan<byte>(text, length).ToArray());
    }

    [Fact]
    public void A_counter_is_64_bits_little_endian_behind_four_zero_bytes()
    {
        byte[] one = new byte[40 + ChaChaKey.TagSize];
        byte[] other = new byte[40 + ChaChaKey.TagSize];
        using var sealing = ChaChaKey.ForSealing(Key(2));
        fixed (
            byte* first = one,
                second = other
        )
        {
            Assert.True(sealing.Seal(0x0102030405060708, first, 40));
            Assert.True(sealing.Seal([0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1], default, second, 40));
        }

        Assert.Equal(one, other);
    }

    [Fact]
    public void Any_flipped_bit_wrong_counter_or_wrong_key_is_refused()
    {
        const int Length = 48;
        byte[] text = new byte[Length + ChaChaKey.TagSize];
        using var sealing = ChaChaKey.ForSealing(Key(3));
        using var opening = ChaChaKey.ForOpening(Key(3));
        using var other = ChaChaKey.ForOpening(Key(4));
        fixed (byte* start = text)
        {
            Assert.True(sealing.Seal(1, start, Length));
        }

        Assert.All(Enumerable.Range(0, 8 * text.Length), bit => Assert.False(Opens(opening, 1, Flip(text, bit))));
        Assert.All(Enumerable.Range(0, text.Length), length => Assert.False(Opens(opening, 1, text[..length])));
        Assert.False(Opens(opening, 2, text));
        Assert.False(Opens(other, 1, text));
        Assert.True(Opens(opening, 1, text));
    }

    [Fact]
    public void A_key_works_in_its_own_direction_only_and_not_after_it_was_disposed_of()
    {
        byte[] text = new byte[32];
        var sealing = ChaChaKey.ForSealing(Key(5));
        using var opening = ChaChaKey.ForOpening(Key(5));
        Assert.Throws<InvalidOperationException>(() => Opens(sealing, 1, text));
        Assert.Throws<InvalidOperationException>(() => Seals(opening, text));
        Assert.Throws<ArgumentOutOfRangeException>(() => ChaChaKey.ForSealing(new byte[31]));
        sealing.Dispose();
        Assert.Throws<ObjectDisposedException>(() => Seals(sealing, text));
        Assert.Throws<ObjectDisposedException>(() => sealing.Replace(Key(6)));
    }

    [Fact]
    public void A_replaced_key_is_as_good_as_a_new_one()
    {
        byte[] one = new byte[32];
        byte[] other = new byte[32];
        using var replaced = ChaChaKey.ForSealing(Key(7));
        using var made = ChaChaKey.ForSealing(Key(8));
        Assert.True(Seals(replaced, new byte[100]));
        replaced.Replace(Key(8));
        Assert.True(Seals(replaced, one) && Seals(made, other));
        Assert.Equal(one, other);
    }

    private static byte[] Key(byte value)
    {
        byte[] key = new byte[ChaChaKey.KeySize];
        Array.Fill(key, value);
        return key;
    }

    private static byte[] Flip(byte[] text, int bit)
    {
        byte[] flipped = [.. text];
        flipped[bit / 8] ^= (byte)(1 << (bit % 8));
        return flipped;
    }

    private static bool Opens(ChaChaKey key, ulong counter, byte[] text)
    {
        byte[] copy = [.. text, 0];
        fixed (byte* start = copy)
        {
            return key.Open(counter, start, text.Length);
        }
    }

    private static bool Seals(ChaChaKey key, byte[] text)
    {
        fixed (byte* start = text)
        {
            return key.Seal(1, start, text.Length - ChaChaKey.TagSize);
        }
    }
}
