// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Packets;

public sealed unsafe class ClassicWireFormatTests
{
    [Theory]
    [InlineData("", "D41D8CD98F00B204E9800998ECF8427E")]
    [InlineData("abc", "900150983CD24FB0D6963F7D28E17F72")]
    [InlineData("Schlüssel", null)]
    public void The_header_is_the_md5_of_the_word_s_utf8_bytes(string word, string? magic)
    {
#pragma warning disable CA5351 // The wire format's hash.
        byte[] expected = magic is null
            ? System.Security.Cryptography.MD5.HashData(Encoding.UTF8.GetBytes(word))
            : Convert.FromHexString(magic);
#pragma warning restore CA5351
        var format = new ClassicWireFormat(word);
        byte[] datagram = [.. new byte[16], 1, 2, 3];
        fixed (byte* start = datagram)
        {
            Assert.Equal(19, format.Seal(start, 3));
            Assert.Equal(DropReason.None, format.Open(start, datagram.Length));
            Assert.Equal(DropReason.None, format.Open(start, 16));
        }

        Assert.Equal([.. expected, 1, 2, 3], datagram);
    }

    [Fact]
    public void A_datagram_that_is_too_short_or_has_one_wrong_bit_is_dropped()
    {
        var format = new ClassicWireFormat("word");
        using var memory = new GuardedMemory(16);
        for (int length = 0; length < 16; length++)
        {
            byte* datagram = memory.PlaceAtEnd(new byte[length]);
            Assert.Equal(DropReason.Magic, format.Open(datagram, length));
        }

        byte* whole = memory.PlaceAtEnd(new byte[16]);
        format.Seal(whole, 0);
        for (int bit = 0; bit < 128; bit++)
        {
            whole[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Equal(DropReason.Magic, format.Open(whole, 16));
            whole[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        Assert.Equal(DropReason.None, format.Open(whole, 16));
    }
}
