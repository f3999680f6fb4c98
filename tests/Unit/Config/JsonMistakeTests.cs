// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using UdpTunnel.Config;

namespace UdpTunnel.Tests.Config;

/// <summary>Texts that are not JSON: one error, at the place where a reader would look.</summary>
public sealed class JsonMistakeTests
{
    public static TheoryData<string, string> Mistakes =>
        new()
        {
            { "", "1:1: the text is empty; a JSON object is expected ({ … })" },
            { " \n\t ", "1:1: the text is empty; a JSON object is expected ({ … })" },
            { "// only\n/* comments */", "1:1: the text is empty; a JSON object is expected ({ … })" },
            { "[]", "1:1: a JSON object is expected ({ … })" },
            { "\n  \"text\"", "2:3: a JSON object is expected ({ … })" },
            { "null", "1:1: a JSON object is expected ({ … })" },
            { "{} {}", "1:4: '{' follows the end of the JSON value; nothing may" },
            { "{}\nx", "2:1: a word without quotes follows the end of the JSON value; nothing may" },
            { "{", "1:1: what begins here has no end ('}' is missing)" },
            { "{\"Mtu\": 1300", "1:1: what begins here has no end ('}' is missing)" },
            { "{\"AllowedPorts\": [1,\n", "1:18: what begins here has no end (']' is missing)" },
            { "{\"Mtu\": ", "1:9: the text ends where a value is expected" },
            { "{\"Mtu\"", "1:7: the end of the text stands where ':' is expected after the field's name" },
            { "{\"Mtu\" 1}", "1:8: a number stands where ':' is expected after the field's name" },
            {
                "{Mtu: 1}",
                "1:2: a word without quotes stands where a field's name in double quotes or '}' is expected"
            },
            { "{,}", "1:2: ',' stands where a field's name in double quotes or '}' is expected" },
            { "{\"a\":1,,}", "1:8: ',' stands where a field's name in double quotes or '}' is expected" },
            { "{\"a\":1\n \"b\":2}", "2:2: a string stands where ',' or '}' is expected" },
            { "{\"a\":[1 2]}", "1:9: a number stands where ',' or ']' is expected" },
            { "{\"a\":[,1]}", "1:7: ',' is not a value (a string in quotes, a number, true, false, null, […] or {…})" },
            { "{\"a\":}", "1:6: '}' is not a value (a string in quotes, a number, true, false, null, […] or {…})" },
            {
                "{\"a\":True}",
                "1:6: a word without quotes is not a value (a string in quotes, a number, true, false, null, […] or {…})"
            },
            { "{\"a\":nullx}", "1:10: a word without quotes stands where ',' or '}' is expected" },
            { "{\"a\":'b'}", "1:6: a string stands in double quotes, not in single quotes" },
            {
                "{\"a\":01}",
                "1:6: this is not a number: it begins with a digit, and with 0 only if the whole part is 0"
            },
            {
                "{\"a\":-}",
                "1:6: this is not a number: it begins with a digit, and with 0 only if the whole part is 0"
            },
            { "{\"a\":1.}", "1:6: this is not a number: a digit follows the decimal point" },
            { "{\"a\":1e+}", "1:6: this is not a number: a digit follows the exponent's sign" },
            {
                "{\"a\":+1}",
                "1:6: a character that JSON does not have outside quotes is not a value (a string in quotes, a number, true, false, null, […] or {…})"
            },
            { "{\"a\":\"b}", "1:6: the string that begins here has no end (a double quote is missing)" },
            { "{\"a\":\"b\\", "1:6: the string that begins here has no end (a double quote is missing)" },
            {
                "{\"a\":\"b\n\"}",
                "1:8: a string does not go over the end of a line (a double quote is missing, or write \\n)"
            },
            {
                "{\"a\":\"b\t\"}",
                "1:8: a string has no bare control characters (write \\t or \\u and four hexadecimal digits)"
            },
            {
                "{\"a\":\"b\\x41\"}",
                "1:8: this is not an escape in a string (\\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\u and four hexadecimal digits)"
            },
            {
                "{\"a\":\"\\u12g4\"}",
                "1:7: this is not an escape in a string (\\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\u and four hexadecimal digits)"
            },
            { "{\"a\":\"\\ud800\"}", "1:7: this escape is half of a surrogate pair; the other half is missing" },
            { "{\"a\":\"\\ud800\\ud800\"}", "1:7: this escape is half of a surrogate pair; the other half is missing" },
            { "{\"a\":\"\\ud800xxxxxx\"}", "1:7: this escape is half of a surrogate pair; the other half is missing" },
            { "{\"a\":\"\\udc00\\ud800\"}", "1:7: this escape is half of a surrogate pair; the other half is missing" },
            { "{\n/* begun", "2:1: the comment that begins here has no end (*/)" },
            { "{/*/}", "1:2: the comment that begins here has no end (*/)" },
            {
                "{}/",
                "1:3: a character that JSON does not have outside quotes follows the end of the JSON value; nothing may"
            },
        };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void A_text_that_is_not_JSON_is_refused_at_the_right_place(string text, string remark) =>
        Assert.Equal(["config.json:" + remark], Sample.Remarks(text));

    [Fact]
    public void Text_that_is_not_UTF_8_is_refused_at_the_first_wrong_byte()
    {
        byte[] text = [.. Encoding.UTF8.GetBytes("{\n \"Name\": \"bé"), 0xFF, .. "\"}"u8];

        Assert.Equal("f:2:14: this byte is not UTF-8; save the text as UTF-8", Only(text));
    }

    [Fact]
    public void A_truncated_character_is_refused_at_its_first_byte() =>
        Assert.Equal("f:1:2: this byte is not UTF-8; save the text as UTF-8", Only([(byte)'{', 0xE2, 0x82]));

    [Fact]
    public void UTF_16_is_called_by_its_name() =>
        Assert.Equal("f:1:1: the text is UTF-16; save it as UTF-8", Only([0xFF, 0xFE, (byte)'{', 0, (byte)'}', 0]));

    [Theory]
    [InlineData(new byte[] { (byte)'{', 0, (byte)'}', 0 })]
    [InlineData(new byte[] { 0, (byte)'[', 0, (byte)']' })]
    public void UTF_16_without_a_byte_order_mark_is_called_by_its_name_too(byte[] text) =>
        Assert.EndsWith(": the text is UTF-16; save it as UTF-8", Only(text), StringComparison.Ordinal);

    [Theory]
    [InlineData("{\u201CName\u201D: \"x\"}", "1:2: a typographic quotation mark (U+201C)")]
    [InlineData("{\u00A0\"Name\": \"x\"}", "1:2: a no-break or typographic space (U+00A0)")]
    [InlineData("{\"Mtu\": \u22121300}", "1:9: a typographic dash (U+2212)")]
    [InlineData("{\"Mtu\": 1300\u200B}", "1:13: an invisible character (U+200B)")]
    public void A_character_that_only_looks_like_one_of_the_format_is_named(string text, string remark) =>
        Assert.StartsWith($"f:{remark}", Only(Encoding.UTF8.GetBytes(text)), StringComparison.Ordinal);

    [Fact]
    public void Lines_that_end_in_carriage_returns_alone_are_read_and_remarked_upon()
    {
        var text = "{\r" + Sample.Server[1..] + "\r// a comment\r";

        Assert.Contains(
            "config.json:1:2: warning: lines end in carriage returns alone, and are read as if in line feeds",
            Sample.Remarks(text)
        );
        Assert.NotNull(ConfigFile.Parse(Encoding.UTF8.GetBytes(text), "config").Configuration);
    }

    [Theory]
    [InlineData("[", 33)]
    [InlineData("{\"a\":", 161)]
    public void A_nesting_bomb_is_refused_at_the_first_level_too_many(string level, int column)
    {
        var bomb = string.Concat(Enumerable.Repeat(level, ConfigFile.MaxLength / level.Length));

        Assert.Equal([$"config.json:1:{column}: nested too deeply (at most 32 levels)"], Sample.Remarks(bomb));
    }

    [Fact]
    public void Errors_in_the_text_never_show_a_piece_of_it()
    {
        string[] forgotten =
        [
            """{"PacketMagic": hunter2}""",
            """{"PacketMagic": 'hunter2'}""",
            """{"PacketMagic": "hunter2}""",
            """{"PacketMagic": "hun"ter2"}""",
            """{"PacketMagic": "\hunter2"}""",
            """{"PacketMagic": "hunter2\"}""",
            """{"PacketMagic": $hunter2}""",
            """{"PacketMagic" "hunter2"}""",
            """{"PacketMagic" hunter2}""",
        ];

        Assert.All(forgotten, text =>
            Assert.DoesNotContain("hun", Assert.Single(Sample.Remarks(text)), StringComparison.Ordinal)
        );
    }

    private static string Only(byte[] text)
    {
        var result = ConfigFile.Parse(text, "config");
        Assert.Null(result.Configuration);
        return Assert.Single(result.Diagnostics).Render("f");
    }
}
