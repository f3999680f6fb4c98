// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using System.Text;

namespace UdpTunnel.Tests.Cli;

public sealed class TerminalTextTests
{
    [Theory]
    [InlineData("home", "home")]
    [InlineData("caf\u00e9 \u6f22", "caf\u00e9 \u6f22")]
    [InlineData("\x1b[31m", "\\x1b[31m")]
    [InlineData("a\nb\rc\td\0", "a\\x0ab\\x0dc\\x09d\\x00")]
    [InlineData("\x7f\u009b", "\\x7f\\x9b")]
    [InlineData("\u202egnp", "\\u{202e}gnp")]
    [InlineData("\u2028\u2029\u200b\ufeff", "\\u{2028}\\u{2029}\\u{200b}\\u{feff}")]
    [InlineData("\ue000", "\\u{e000}")]
    public void What_a_terminal_does_not_simply_draw_is_shown_as_its_number(string text, string shown) =>
        Assert.Equal(shown, TerminalText.Escape(text));

    [Fact]
    public void A_lone_surrogate_is_shown_as_its_number() =>
        Assert.Equal("x\\u{d800}y\\u{dc00}", TerminalText.Escape("x\ud800y\udc00"));

    [Fact]
    public void No_escaped_text_has_a_character_that_acts_on_a_terminal() =>
        Property.ForAll<string?>(text =>
            TerminalText
                .Escape(text ?? "")
                .EnumerateRunes()
                .All(r =>
                    Rune.GetUnicodeCategory(r)
                        is not (
                            UnicodeCategory.Control
                            or UnicodeCategory.Format
                            or UnicodeCategory.LineSeparator
                            or UnicodeCategory.ParagraphSeparator
                        )
                )
        );

    [Fact]
    public void Escaping_twice_changes_nothing_more() =>
        Property.ForAll<string?>(text =>
            TerminalText.Escape(TerminalText.Escape(text ?? "")) == TerminalText.Escape(text ?? "")
        );

    [Fact]
    public void A_fitted_text_takes_no_more_columns_than_allowed() =>
        Property.ForAll<(string? Text, byte Width)>(value =>
            TerminalText.Columns(TerminalText.Fit(value.Text ?? "", value.Width + 3)) <= value.Width + 3
        );

    [Fact]
    public void A_text_that_is_cut_says_so()
    {
        Assert.Equal("abcde...", TerminalText.Fit("abcdefghi", 8));
        Assert.Equal("abcdefgh", TerminalText.Fit("abcdefgh", 8));
        Assert.Equal("\u6f22...", TerminalText.Fit("\u6f22\u6f22\u6f22", 5));
    }

    [Fact]
    public void Folding_loses_nothing_but_spaces() =>
        Property.ForAll<(string? Text, byte Width)>(value =>
            string.Concat(TerminalText.Wrap(value.Text ?? "", value.Width + 2))
                .Replace(" ", "", StringComparison.Ordinal)
            == TerminalText.Escape(value.Text ?? "").Replace(" ", "", StringComparison.Ordinal)
        );

    [Fact]
    public void No_folded_line_is_wider_than_allowed() =>
        Property.ForAll<(string? Text, byte Width)>(value =>
            TerminalText.Wrap(value.Text ?? "", value.Width + 2).All(l => TerminalText.Columns(l) <= value.Width + 2)
        );

    [Fact]
    public void Words_stay_whole_where_they_fit() =>
        Assert.Equal(["one two", "three", "verylon", "gword x"], TerminalText.Wrap("one two three  verylongword x", 7));
}
