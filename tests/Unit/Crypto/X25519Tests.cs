// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Crypto;

namespace UdpTunnel.Tests.Crypto;

/// <summary>X25519 on the vectors of RFC 7748.</summary>
public sealed class X25519Tests
{
    [Theory]
    [InlineData(
        "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
        "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
    )]
    [InlineData(
        "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
        "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
        "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"
    )]
    [InlineData(
        "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
        "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    )]
    public void Keys_agree_as_in_RFC_7748(string privateKey, string publicKey, string shared)
    {
        var output = new byte[X25519PrivateKey.Size];
        using var key = X25519PrivateKey.Import(Convert.FromHexString(privateKey));
        Assert.True(key.Agree(Convert.FromHexString(publicKey), output));
        Assert.Equal(shared, Convert.ToHexStringLower(output));
    }

    [Fact]
    public void The_public_key_is_that_of_RFC_7748_section_6_1()
    {
        var output = new byte[X25519PrivateKey.Size];
        using var key = X25519PrivateKey.Import(
            Convert.FromHexString("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
        );
        key.ExportPublicKey(output);
        Assert.Equal(
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
            Convert.ToHexStringLower(output)
        );
    }

    [Fact]
    public void A_thousand_rounds_lead_to_the_key_of_RFC_7748_section_5_2()
    {
        var k = Convert.FromHexString("0900000000000000000000000000000000000000000000000000000000000000");
        byte[] u = [.. k];
        for (var round = 1; round <= 1000; round++)
        {
            var output = new byte[X25519PrivateKey.Size];
            using var key = X25519PrivateKey.Import(k);
            Assert.True(key.Agree(u, output));
            (u, k) = (k, output);
            if (round == 1)
            {
                Assert.Equal(
                    "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
                    Convert.ToHexStringLower(k)
                );
            }
        }

        Assert.Equal("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51", Convert.ToHexStringLower(k));
    }

    /// <summary>
    /// The points of small order, for which everybody would get zero, and forms of them beyond the field.
    /// </summary>
    [Theory]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")]
    [InlineData("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157")]
    [InlineData("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    public void A_key_that_agrees_with_nobody_is_refused(string publicKey)
    {
        byte[] output = [.. Enumerable.Repeat((byte)1, X25519PrivateKey.Size)];
        using var key = X25519PrivateKey.Import(
            Convert.FromHexString("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")
        );
        Assert.False(key.Agree(Convert.FromHexString(publicKey), output));
        Assert.Equal(new byte[X25519PrivateKey.Size], output);
    }

    [Fact]
    public void A_key_is_of_no_use_after_it_was_disposed_of()
    {
        var key = X25519PrivateKey.Import(new byte[X25519PrivateKey.Size]);
        key.Dispose();
        var bytes = new byte[X25519PrivateKey.Size];
        Assert.Throws<ObjectDisposedException>(() => key.ExportPublicKey(bytes));
        Assert.Throws<ObjectDisposedException>(() => key.Agree(bytes, bytes));
    }
}
