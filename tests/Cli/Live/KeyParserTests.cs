// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using UdpTunnel.Cli.Live;

namespace UdpTunnel.Tests.Cli.Live;

public sealed class KeyParserTests
{
    [Theory]
    [InlineData("\x1b[A", nameof(Key.Up))]
    [InlineData("\x1bOA", nameof(Key.Up))]
    [InlineData("\x1b[B", nameof(Key.Down))]
    [InlineData("\x1b[1;5B", nameof(Key.Down))]
    [InlineData("\x1b[5~", nameof(Key.PageUp))]
    [InlineData("\x1b[6~", nameof(Key.PageDown))]
    [InlineData("\x1b[H", nameof(Key.Home))]
    [InlineData("\x1b[1~", nameof(Key.Home))]
    [InlineData("\x1bOF", nameof(Key.End))]
    [InlineData("\x1bOM", nameof(Key.Enter))]
    [InlineData("\r", nameof(Key.Enter))]
    [InlineData("\n", nameof(Key.Enter))]
    [InlineData("\x7f", nameof(Key.Backspace))]
    [InlineData("\b", nameof(Key.Backspace))]
    public void The_sequences_of_a_terminal_are_keys(string sent, string key) =>
        Assert.Equal([new KeyPress(Enum.Parse<Key>(key))], Keys(sent));

    [Fact]
    public void A_sequence_may_come_in_pieces()
    {
        var keys = new List<KeyPress>();
        var parser = new KeyParser(keys.Add);

        parser.Read("\x1b"u8);
        Assert.True(parser.IsPending);
        parser.Read("["u8);
        parser.Read("A"u8);

        Assert.False(parser.IsPending);
        Assert.Equal([new KeyPress(Key.Up)], keys);
    }

    [Fact]
    public void An_escape_that_nothing_follows_is_the_key() => Assert.Equal([new KeyPress(Key.Escape)], Keys("\x1b"));

    [Theory]
    [InlineData("\x1b[15~q")]
    [InlineData("\x1b[200~q")]
    [InlineData("\x1b[<0;10;10Mq")]
    [InlineData("\x1bxq")]
    [InlineData("\tq")]
    public void No_byte_of_an_unknown_sequence_counts_as_a_key(string sent) =>
        Assert.DoesNotContain(Keys(sent), k => k.Key == Key.Character && k.Character != 'q');

    [Fact]
    public void Whatever_comes_only_known_keys_go() =>
        Property.ForAll<byte[]>(bytes =>
        {
            var whole = Keys(bytes);
            var keys = new List<KeyPress>();
            var parser = new KeyParser(keys.Add);
            foreach (var value in bytes)
            {
                parser.Read([value]);
            }

            parser.Flush();
            return keys.SequenceEqual(whole)
                && whole.All(k => k.Key == Key.Character ? k.Character is >= ' ' and <= '~' : Enum.IsDefined(k.Key));
        });

    private static List<KeyPress> Keys(string sent) => Keys(Encoding.Latin1.GetBytes(sent));

    private static List<KeyPress> Keys(byte[] sent)
    {
        var keys = new List<KeyPress>();
        var parser = new KeyParser(keys.Add);
        parser.Read(sent);
        parser.Flush();
        return keys;
    }
}
