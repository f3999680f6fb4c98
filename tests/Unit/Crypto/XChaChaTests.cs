// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using UdpTunnel.Crypto;

namespace UdpTunnel.Tests.Crypto;

/// <summary>XChaCha20-Poly1305 and its HChaCha20 on the vectors of draft-irtf-cfrg-xchacha-03.</summary>
public sealed class XChaChaTests
{
    [Fact]
    public void HChaCha20_makes_the_key_of_section_2_2_1()
    {
        byte[] key = new byte[32];
        XChaCha.Hash(
            Convert.FromHexString("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
            Convert.FromHexString("000000090000004a0000000031415927"),
            key
        );
        Assert.Equal("82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc", Convert.ToHexStringLower(key));
    }

    [Fact]
    public void The_vector_of_appendix_A_3_1_is_sealed_and_opened()
    {
        byte[] key = Convert.FromHexString("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
        byte[] nonce = Convert.FromHexString("404142434445464748494a4b4c4d4e4f5051525354555657");
        byte[] associated = Convert.FromHexString("50515253c0c1c2c3c4c5c6c7");
        byte[] plain = Encoding.ASCII.GetBytes(ChaChaKeyTests.Sunscreen);
        byte[] text = [.. plain, .. new byte[16]];
        using var cipher = new XChaCha();

        Assert.True(cipher.Seal(key, nonce, associated, text));
        Assert.Equal(
            "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39"
                + "ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
                + "21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49",
            Convert.ToHexStringLower(text)
        );

        byte[] forged = [.. text];
        forged[^1] ^= 1;
        Assert.False(cipher.Open(key, nonce, associated, forged));
        Assert.False(cipher.Open(key, nonce, [], [.. text]));
        Assert.True(cipher.Open(key, nonce, associated, text));
        Assert.Equal(plain, text[..plain.Length]);
    }
}
