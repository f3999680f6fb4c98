// SPDX-License-Identifier: BSD-3-Clause

using FsCheck.Fluent;
using UdpTunnel.Config;

namespace UdpTunnel.Tests.Config;

public sealed class KeyFingerprintTests
{
    [Fact]
    public void Every_hash_reads_back_with_and_without_padding() =>
        Generated.ForAll(Gen.ArrayOf(Gen.Choose(0, 255), 32), hash =>
        {
            var fingerprint = KeyFingerprint.FromHash([.. hash.Select(b => (byte)b)]);
            var text = fingerprint.ToString();

            Assert.Equal(51, text.Length);
            Assert.True(KeyFingerprint.TryParse(text, out var padded, out _));
            Assert.True(KeyFingerprint.TryParse(text.TrimEnd('='), out var bare, out _));
            Assert.Equal(fingerprint, padded);
            Assert.Equal(fingerprint, bare);
        });

    [Theory]
    [InlineData("")]
    [InlineData("SHA256:")]
    [InlineData("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")]
    [InlineData("sha256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")]
    [InlineData("MD5:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")]
    [InlineData("SHA256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==")]
    [InlineData("SHA256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g")]
    [InlineData("SHA256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=")]
    [InlineData("SHA256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= ")]
    [InlineData("SHA256:AAECAwQFBgcICQoLDA0ODxAR EhMUFRYXGBkaGxwdHh8=")]
    [InlineData("SHA256:________________________________________________")]
    public void What_is_no_fingerprint_is_refused_with_a_reason(string text)
    {
        Assert.False(KeyFingerprint.TryParse(text, out var fingerprint, out var error));
        Assert.Null(fingerprint);
        Assert.NotEmpty(error);
    }

    [Fact]
    public void A_hash_of_another_length_has_no_fingerprint() =>
        Assert.Throws<ArgumentException>(() => KeyFingerprint.FromHash(new byte[31]));
}
