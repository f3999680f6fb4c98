using FsCheck;
using FsCheck.Fluent;
using Grpc.Core;

namespace Grpc.Tests.Unit;

/// <summary>The rules for keys and values, and the list.</summary>
public sealed class MetadataTests
{
    [Theory]
    [InlineData("a")]
    [InlineData("x-colour")]
    [InlineData("0_9.z-")]
    public void A_key_of_letters_digits_and_three_signs_is_taken(string key) =>
        Assert.Equal(key, new Metadata.Entry(key, "").Key);

    [Theory]
    [InlineData("")]
    [InlineData(":path")]
    [InlineData("a b")]
    [InlineData("a\n")]
    [InlineData("grün")]
    [InlineData("\u212a")]
    public void Any_other_key_is_refused(string key)
    {
        Assert.Throws<ArgumentException>(() => new Metadata.Entry(key, "value"));
        Assert.Throws<ArgumentException>(() => new Metadata.Entry(key + "-bin\u00e4", [1]));
    }

    [Fact]
    public void A_key_is_taken_exactly_when_all_its_characters_are_allowed() => Prop
        .ForAll<NonNull<string>>(key => IsKey(key.Get) == Accepts(key.Get))
        .QuickCheckThrowOnFailure();

    [Fact]
    public void A_key_is_kept_in_lower_case()
    {
        Assert.Equal("x-colour", new Metadata.Entry("X-Colour", "red").Key);
        Assert.Equal("x-bin", new Metadata.Entry("X-BIN", [1]).Key);
    }

    [Fact]
    public void A_key_that_ends_in_bin_takes_bytes_only()
    {
        Assert.Throws<ArgumentException>(() => new Metadata.Entry("x-bin", "text"));
        Assert.Throws<ArgumentException>(() => new Metadata.Entry("X-BIN", "text"));
        Assert.Throws<ArgumentException>(() => new Metadata.Entry("x", [1]));
    }

    [Fact]
    public void Null_is_neither_a_key_nor_a_value()
    {
        Assert.Throws<ArgumentNullException>(() => new Metadata.Entry(null!, "x"));
        Assert.Throws<ArgumentNullException>(() => new Metadata.Entry("x", (string)null!));
        Assert.Throws<ArgumentNullException>(() => new Metadata.Entry("x-bin", (byte[])null!));
        Assert.Throws<ArgumentNullException>(() => new Metadata { (Metadata.Entry)null! });
    }

    [Fact]
    public void The_text_of_a_binary_value_is_refused()
    {
        var entry = new Metadata.Entry("x-bin", [1]);

        Assert.True(entry.IsBinary);
        Assert.Throws<InvalidOperationException>(() => entry.Value);
    }

    [Fact]
    public void The_bytes_of_a_text_value_are_its_ASCII_codes()
    {
        var entry = new Metadata.Entry("x", "AB");

        Assert.False(entry.IsBinary);
        Assert.Equal([65, 66], entry.ValueBytes);
    }

    [Fact]
    public void A_binary_value_cannot_be_changed_from_outside()
    {
        byte[] bytes = [1, 2, 3];
        var entry = new Metadata.Entry("x-bin", bytes);

        bytes[0] = 9;
        entry.ValueBytes[1] = 9;

        Assert.Equal([1, 2, 3], entry.ValueBytes);
    }

    [Fact]
    public void An_entry_shows_its_key_and_its_value()
    {
        Assert.Contains("key=x, value=red", new Metadata.Entry("x", "red").ToString(), StringComparison.Ordinal);
        Assert.Contains("00FF", new Metadata.Entry("x-bin", [0, 255]).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Entries_keep_their_order_and_a_key_may_come_again()
    {
        var metadata = new Metadata { { "b", "1" }, { "a", "2" }, { "b", "3" }, { "c-bin", [4] } };

        Assert.Equal(["b", "a", "b", "c-bin"], metadata.Select(entry => entry.Key));
        Assert.Equal(["1", "3"], metadata.GetAll("b").Select(entry => entry.Value));
        Assert.Equal("3", metadata.Get("b")?.Value);
        Assert.Equal("3", metadata.GetValue("b"));
        Assert.Equal([4], metadata.GetValueBytes("c-bin"));
    }

    [Fact]
    public void A_key_that_is_not_there_is_null()
    {
        var metadata = new Metadata();

        Assert.Null(metadata.Get("a"));
        Assert.Null(metadata.GetValue("a"));
        Assert.Null(metadata.GetValueBytes("a-bin"));
        Assert.Empty(metadata.GetAll("a"));
    }

    [Fact]
    public void The_list_behaves_like_a_list()
    {
        var (a, b, c) = (new Metadata.Entry("a", "1"), new Metadata.Entry("b", "2"), new Metadata.Entry("c", "3"));
        var metadata = new Metadata { a, c };

        metadata.Insert(1, b);
        Assert.Equal([a, b, c], metadata);
        Assert.Equal(1, metadata.IndexOf(b));
        Assert.Contains(c, metadata);

        var copy = new Metadata.Entry[4];
        metadata.CopyTo(copy, 1);
        Assert.Equal([null!, a, b, c], copy);

        Assert.True(metadata.Remove(a));
        Assert.False(metadata.Remove(a));
        metadata.RemoveAt(1);
        metadata[0] = c;
        Assert.Same(c, Assert.Single(metadata));

        metadata.Clear();
        Assert.Empty(metadata);
    }

    [Fact]
    public void The_empty_metadata_that_all_share_refuses_every_change()
    {
        var entry = new Metadata.Entry("a", "1");

        Assert.True(Metadata.Empty.IsReadOnly);
        Assert.False(new Metadata().IsReadOnly);
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Add(entry));
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Add("a", "1"));
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Add("a-bin", [1]));
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Insert(0, entry));
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Remove(entry));
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.RemoveAt(0));
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty[0] = entry);
        Assert.Throws<InvalidOperationException>(Metadata.Empty.Clear);
    }

    private static bool IsKey(string key) =>
        key.Length > 0
        && key.All(c => c is (>= 'a' and <= 'z') or (>= 'A' and <= 'Z') or (>= '0' and <= '9') or '-' or '_' or '.');

    private static bool Accepts(string key)
    {
        try
        {
            _ = key.EndsWith(Metadata.BinaryHeaderSuffix, StringComparison.OrdinalIgnoreCase)
                ? new Metadata.Entry(key, [1])
                : new Metadata.Entry(key, "value");
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
