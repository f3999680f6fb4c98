// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using UdpTunnel.Relay.Wire;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Relay;

public sealed unsafe class ClassicCodecTests
{
    [Theory]
    [InlineData(
        "127.0.0.1:6100",
        "hello",
        "{\"PacketMessage\":{\"Host\":\"127.0.0.1:6100\",\"Packet\":\"aGVsbG8=\"}}\n"
    )]
    [InlineData("[2001:db8::9]:6103", "", "{\"PacketMessage\":{\"Host\":\"[2001:db8::9]:6103\",\"Packet\":\"\"}}\n")]
    [InlineData(
        "a<b>&\"\\\n\u0001ü\u2028",
        "x",
        "{\"PacketMessage\":{\"Host\":\"a\\u003cb\\u003e\\u0026\\\"\\\\\\n\\u0001ü\\u2028\",\"Packet\":\"eA==\"}}\n"
    )]
    public void A_datagram_is_written_to_the_byte_as_the_predecessor_does(
        string host,
        string datagram,
        string expected
    ) =>
        Assert.Equal(
            expected,
            Encoding.UTF8.GetString(Write(Encoding.UTF8.GetBytes(host), Encoding.UTF8.GetBytes(datagram)))
        );

    [Fact]
    public void A_host_that_is_no_utf8_is_written_with_the_replacement_character() =>
        Assert.Equal(
            "{\"PacketMessage\":{\"Host\":\"a\\ufffd\",\"Packet\":\"\"}}\n",
            Encoding.UTF8.GetString(Write([(byte)'a', 0xFF], []))
        );

    [Theory]
    [InlineData("{\"PacketMessage\":{\"Host\":\"h\",\"Packet\":\"aGk=\"}}", "h", "hi")]
    [InlineData(" \r\n\t{ \"PacketMessage\" : { \"Host\" : \"h\" , \"Packet\" : \"aGk=\" } } ", "h", "hi")]
    [InlineData("{\"packetmessage\":{\"PACKET\":\"aGk=\",\"host\":\"h\"}}", "h", "hi")]
    [InlineData(
        "{\"x\":[1,{\"y\":null}],\"PacketMessage\":{\"z\":\"\\\"}\",\"Host\":\"h\",\"w\":-1.5e3,\"Packet\":\"aGk=\",\"v\":true}}",
        "h",
        "hi"
    )]
    [InlineData("{\"PacketMessage\":{\"Host\":\"h\"}}", "h", "")]
    [InlineData("{\"PacketMessage\":{\"Packet\":\"aGk=\"}}", "", "hi")]
    [InlineData("{\"PacketMessage\":{\"Host\":null,\"Packet\":null}}", "", "")]
    [InlineData("{\"PacketMessage\":{}}", "", "")]
    [InlineData("{\"PacketMessage\":{\"Host\":\"h\",\"Packet\":[104,105]}}", "h", "hi")]
    [InlineData("{\"PacketMessage\":{\"Host\":\"h\",\"Packet\":[ ]}}", "h", "")]
    [InlineData(
        "{\"PacketMessage\":{\"Host\":\"a\",\"Host\":\"h\",\"Packet\":\"eA==\",\"Packet\":\"aGk=\"}}",
        "h",
        "hi"
    )]
    [InlineData("{\"PacketMessage\":{\"Host\":\"\\u0068\",\"Packet\":\"aG\\u006b\\u003d\"}}", "h", "hi")]
    [InlineData("{\"PacketMessage\":{\"Host\":\"h\",\"Packet\":\"aG\\r\\nk=\"}}", "h", "hi")]
    [InlineData("{\"PacketMessage\":{\"Host\":\"\\ud83d\\ude00\\ud83d\\/\",\"Packet\":\"\"}}", "😀\ufffd/", "")]
    public void What_the_predecessor_reads_is_read(string text, string host, string datagram)
    {
        var status = FrameFeed.ReadOne(new ClassicCodec(), Encoding.UTF8.GetBytes(text), out var frame);

        Assert.Equal(FrameStatus.Complete, status);
        Assert.Equal((host, datagram), (Encoding.UTF8.GetString(frame.Host), Encoding.UTF8.GetString(frame.Payload)));
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("x")]
    [InlineData("\"x\"")]
    [InlineData("\u0016\u0003\u0001")]
    [InlineData("{}")]
    [InlineData("{\"PacketMessage\":null}")]
    [InlineData("{\"PacketMessage\":7}")]
    [InlineData("{\"PacketMessage\":{\"Host\":7}}")]
    [InlineData("{\"PacketMessage\":{\"Packet\":7}}")]
    [InlineData("{\"PacketMessage\":{\"Packet\":\"!!!!\"}}")]
    [InlineData("{\"PacketMessage\":{\"Packet\":\"aGk\"}}")]
    [InlineData("{\"PacketMessage\":{\"Packet\":[256]}}")]
    [InlineData("{\"PacketMessage\":{\"Packet\":[-1]}}")]
    [InlineData("{\"PacketMessage\":{\"Packet\":[1.5]}}")]
    [InlineData("{\"PacketMessage\":{\"Packet\":[1,]}}")]
    [InlineData("{\"PacketMessage\":{\"Host\":\"\\x\"}}")]
    [InlineData("{\"PacketMessage\":{\"Host\":\"\\u12g4\"}}")]
    [InlineData("{\"PacketMessage\":{\"Host\":\"a\nb\"}}")]
    [InlineData("{\"PacketMessage\":{\"Host\":\"a\"]}")]
    [InlineData("{\"PacketMessage\":{\"Host\":\"a\",}}")]
    [InlineData("{\"PacketMessage\" {\"Host\":\"a\"}}")]
    public void What_the_predecessor_does_not_read_is_refused(string text) =>
        Assert.Equal(FrameStatus.Malformed, FrameFeed.ReadOne(new ClassicCodec(), Encoding.UTF8.GetBytes(text), out _));

    [Fact]
    public void Datagrams_of_any_size_are_read_as_they_were_written_in_whatever_pieces_they_come() =>
        Randomised.Check(40, random =>
        {
            var codec = new ClassicCodec();
            var datagrams = Enumerable
                .Range(0, random.Next(1, 5))
                .Select(i =>
                    (
                        Host: $"192.0.2.{i}:{random.Next(1, 65_536)}",
                        Bytes: random.Bytes(random.OneOf(0, 1, 2, 3, 512, IRelayCodec.MaxDatagram))
                    )
                )
                .ToList();
            var stream = datagrams.SelectMany(d => Write(Encoding.UTF8.GetBytes(d.Host), d.Bytes)).ToArray();

            var frames = FrameFeed.Read(codec, stream, random);

            Assert.Equal(datagrams.Select(d => d.Host), frames.Select(f => Encoding.UTF8.GetString(f.Host)));
            Assert.All(datagrams.Zip(frames), p => Assert.True(p.First.Bytes.AsSpan().SequenceEqual(p.Second.Payload)));
        });

    [Theory]
    [InlineData("{\"PacketMessage\":{\"Host\":\"")]
    [InlineData("{\"a\":[1,1,1,1,")]
    [InlineData(" ")]
    [InlineData("{\"\\")]
    public void An_object_without_an_end_is_refused_at_a_bound(string beginning)
    {
        var codec = new ClassicCodec();
        var bytes = new byte[codec.MaxFrame];
        Array.Fill(bytes, (byte)' ');
        Encoding.UTF8.GetBytes(beginning).CopyTo(bytes, 0);
        fixed (byte* start = bytes)
        {
            Assert.Equal(FrameStatus.Incomplete, codec.Read(start, bytes.Length - 1, out _, out _));
            Assert.Equal(FrameStatus.Malformed, codec.Read(start, bytes.Length, out _, out _));
        }
    }

    [Fact]
    public void Nesting_is_bounded() =>
        Assert.Equal(
            FrameStatus.Malformed,
            FrameFeed.ReadOne(new ClassicCodec(), Encoding.UTF8.GetBytes("{\"a\":" + new string('[', 1000)), out _)
        );

    /// <remarks>Each byte is looked at once: from the start at each byte, this would take minutes.</remarks>
    [Fact]
    public void An_object_that_drips_in_byte_by_byte_is_not_read_from_its_start_each_time()
    {
        var line = Write("192.0.2.1:1"u8.ToArray(), new byte[IRelayCodec.MaxDatagram]);
        var codec = new ClassicCodec();
        var watch = System.Diagnostics.Stopwatch.StartNew();
        fixed (byte* start = line)
        {
            for (var there = 1; there < line.Length - 1; there++)
            {
                Assert.True(codec.Read(start, there, out _, out _) == FrameStatus.Incomplete);
            }

            Assert.Equal(FrameStatus.Complete, codec.Read(start, line.Length, out var frame, out var consumed));
            Assert.Equal((IRelayCodec.MaxDatagram, line.Length - 1), (frame.Length, consumed));
        }

        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(2), $"it took {watch.Elapsed}");
    }

    [Fact]
    public void A_host_that_is_too_long_is_refused() =>
        Assert.Equal(
            FrameStatus.Malformed,
            FrameFeed.ReadOne(new ClassicCodec(), Write(new byte[ClassicCodec.MaxHost + 1], []), out _)
        );

    [Fact]
    public void Broken_text_is_read_without_going_beyond_it() => Randomised.Check(4000, random =>
        {
            var text = Write(Encoding.UTF8.GetBytes("[2001:db8::1%eth0]:53"), random.Bytes(random.Next(0, 30)));
            for (var i = random.Next(0, 6); i > 0; i--)
            {
                text[random.Next(text.Length)] = random.Chance(50)
                    ? (byte)random.Next(256)
                    : random.OneOf("{}[]\",:\\u0 n"u8.ToArray());
            }

            text = text[..random.Next(text.Length + 1)];
            using var memory = new GuardedMemory(4096);
            var start = memory.PlaceAtEnd(text);
            var status = new ClassicCodec().Read(start, text.Length, out var frame, out var consumed);

            Assert.Equal(status == FrameStatus.Complete, consumed > 0);
            Assert.InRange(consumed, 0, text.Length);
            Assert.InRange(frame.Length, 0, text.Length);
            Assert.InRange(frame.Host.Length, 0, ClassicCodec.MaxHost);
        });

    private static byte[] Write(byte[] host, byte[] datagram)
    {
        var codec = new ClassicCodec();
        var label = codec.MakeLabel(host);
        var output = new byte[codec.FrameLength(datagram.Length, label)];
        var length = codec.WriteDatagram(output, 0, label, datagram);
        Assert.Equal(output.Length, length);
        return output;
    }
}
