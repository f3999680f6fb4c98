// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using UdpTunnel.Crypto;

namespace UdpTunnel.Tests.Crypto;

/// <summary>BLAKE2s as digest, authentication code and key derivation, on published vectors.</summary>
public sealed class Blake2sTests : IDisposable
{
    private readonly Blake2s _blake2s = new();

    [Theory]
    [InlineData("", "69217a3079908094e11121d042354a7c1f55b6482ca1a51e1b250dfd1ed0eef9")]
    [InlineData("abc", "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982")] // RFC 7693, appendix B
    public void The_digest_is_that_of_RFC_7693(string text, string digest)
    {
        var bytes = Encoding.ASCII.GetBytes(text);
        var output = new byte[Blake2s.Size];
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            _blake2s.Hash(bytes.AsSpan(0, cut), bytes.AsSpan(cut), output);
            Assert.Equal(digest, Convert.ToHexStringLower(output));
        }
    }

    [Fact]
    public void A_digest_of_many_blocks_is_right_and_may_overwrite_its_input()
    {
        byte[] bytes = [.. Enumerable.Range(0, 255).Select(i => (byte)i)];
        _blake2s.Hash(bytes.AsSpan(0, 32), bytes.AsSpan(32), bytes.AsSpan(0, 32));
        Assert.Equal(
            "f03f5789d3336b80d002d59fdf918bdb775b00956ed5528e86aa994acb38fe2d",
            Convert.ToHexStringLower(bytes.AsSpan(0, 32))
        );
    }

    /// <summary>Made with the reference implementation (Python's hashlib.blake2s), with digest_size 16.</summary>
    [Theory]
    [InlineData(32, 0, "9536f9b267655743dee97b8a670f9f53")]
    [InlineData(32, 116, "072e94ffbfc684bd8ab2a1b9dade2fd5")]
    [InlineData(16, 132, "b03d1196bdcfaad40f911db86b79ac7e")]
    public void The_authentication_code_has_its_length_in_it(int keyLength, int length, string code)
    {
        byte[] key = [.. Enumerable.Range(0, keyLength).Select(i => (byte)i)];
        byte[] message = [.. Enumerable.Range(0, length).Select(i => (byte)i)];
        var output = new byte[Blake2s.MacSize];
        foreach (var cut in new[] { 0, length / 2, length })
        {
            _blake2s.Mac(key, message.AsSpan(0, cut), message.AsSpan(cut), output);
            Assert.Equal(code, Convert.ToHexStringLower(output));
        }
    }

    /// <summary>The vectors of wireguard-go's own tests.</summary>
    [Theory]
    [InlineData(
        "test-key",
        "test-input",
        "6f0e5ad38daba1bea8a0d213688736f19763239305e0f58aba697f9ffc41c633",
        "df1194df20802a4fe594cde27e92991c8cae66c366e8106aaa937a55fa371e8a",
        "fac6e2745a325f5dc5d11a5b165aad08b0ada28e7b4e666b7c077934a4d76c24"
    )]
    [InlineData(
        "wireguard",
        "wireguard",
        "491d43bbfdaa8750aaf535e334ecbfe5129967cd64635101c566d4caefda96e8",
        "1e71a379baefd8a79aa4662212fcafe19a23e2b609a3db7d6bcba8f560e3d25f",
        "31e1ae48bddfbe5de38f295e5452b1909a1b4e38e183926af3780b0c1e1f0160"
    )]
    [InlineData(
        "",
        "",
        "8387b46bf43eccfcf349552a095d8315c4055beb90208fb1be23b894bc2ed5d0",
        "58a0e5f6faefccf4807bff1f05fa8a9217945762040bcec2f4b4a62bdfe0e86e",
        "0ce6ea98ec548f8e281e93e32db65621c45eb18dc6f0a7ad94178610a2f7338e"
    )]
    public void Derived_keys_are_those_of_wireguard_go(
        string key,
        string input,
        string first,
        string second,
        string third
    )
    {
        var keyBytes = Encoding.ASCII.GetBytes(key);
        var inputBytes = Encoding.ASCII.GetBytes(input);
        for (var wanted = 1; wanted <= 3; wanted++)
        {
            var outputs = new byte[3][];
            for (var i = 0; i < 3; i++)
            {
                outputs[i] = new byte[i < wanted ? Blake2s.Size : 0];
            }

            _blake2s.DeriveKeys(keyBytes, inputBytes, outputs[0], outputs[1], outputs[2]);
            Assert.Equal(
                new[] { first, second, third }.Take(wanted),
                outputs.Take(wanted).Select(output => Convert.ToHexStringLower(output))
            );
        }
    }

    public void Dispose() => _blake2s.Dispose();
}
