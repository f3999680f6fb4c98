// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using UdpTunnel.Config;

namespace UdpTunnel.Tests.Config;

public sealed class DiagnosticTests
{
    [Fact]
    public void A_remark_upon_the_whole_text_has_no_place() =>
        Assert.Equal("f: m", new Diagnostic(DiagnosticSeverity.Error, 0, 0, "", "m").Render("f"));

    [Fact]
    public void A_file_name_cannot_move_the_terminal() =>
        Assert.Equal(
            "a\\u001b[2J\\u202e.json:1:2: warning: Mtu: m",
            new Diagnostic(DiagnosticSeverity.Warning, 1, 2, "Mtu", "m").Render("a\e[2J\u202E.json")
        );

    [Fact]
    public void Long_values_and_names_are_shortened()
    {
        var text = Sample
            .ServerWith(new string('n', 500), "1")
            .Replace(":8000", new string('8', 500), StringComparison.Ordinal);

        Assert.Equal(2, Sample.Remarks(text).Length);
        Assert.All(Sample.Remarks(text), r => Assert.InRange(r.Length, 1, 320));
        Assert.All(Sample.Remarks(text), r => Assert.Contains('…', r));
    }

    [Theory]
    [InlineData("\\u0007\\u009b\\u007f", "\\u0007\\u009b\\u007f")]
    [InlineData("\\u202eabc\\u2028", "\\u202eabc\\u2028")]
    [InlineData("\\ue000\\udb40\\udc01", "\\ue000\\udb40\\udc01")]
    [InlineData("\\\"\\\\", "\\\"\\\\")]
    [InlineData("é😀", "é😀")]
    public void Unprintable_characters_are_escaped(string json, string shown)
    {
        var remark = Assert.Single(Sample.Remarks(Sample.ServerWith("Name", $"\"{json}\"")));

        Assert.StartsWith($"config.json:2:9: Name: \"{shown}\" is not a name", remark, StringComparison.Ordinal);
    }

    [Fact]
    public void Unprintable_characters_in_field_names_are_escaped() =>
        Assert.StartsWith(
            "config.json:2:1: \\u001b]0;x: is not a field",
            Assert.Single(Sample.Remarks(Sample.ServerWith("\\u001b]0;x", "1"))),
            StringComparison.Ordinal
        );

    [Fact]
    public void The_number_of_remarks_is_bounded_and_the_rest_is_counted()
    {
        var zeros = string.Join(",", Enumerable.Repeat("0", 300_000));
        var remarks = Sample.Remarks(Sample.ServerWith("AllowedPorts", $"[{zeros}]"));

        Assert.Equal(101, remarks.Length);
        Assert.Equal("config.json: 300000 errors, of which the first 100 are shown", remarks[0]);
        Assert.Equal("config.json:2:18: AllowedPorts[0]: 0 is not a port (1 to 65535)", remarks[1]);
    }

    [Fact]
    public void Repeated_ports_are_merged_also_when_not_all_can_be_remarked_upon()
    {
        var all = string.Join(",", Enumerable.Repeat("\"1-65535\"", 90_000));
        var result = Sample.Parse(Sample.ServerWith("AllowedPorts", $"[{all}]"));

        Assert.Equal(65_535, Assert.IsType<TunnelConfig>(result.Configuration).AllowedPorts.PortCount);
        Assert.Equal(100, result.Diagnostics.Count);
    }

    [Theory]
    [InlineData("\"AllowedPorts\":[1],")]
    [InlineData("\"Alowed\":[1],")]
    [InlineData("\"\":0,")]
    public void A_text_full_of_mistakes_is_answered_within_bounds(string member)
    {
        var count = (ConfigFile.MaxLength - 2) / member.Length;
        var text = Encoding.UTF8.GetBytes($"{{{string.Concat(Enumerable.Repeat(member, count))}}}");

        var result = ConfigFile.Parse(text, "config");

        Assert.Null(result.Configuration);
        Assert.Equal(101, result.Diagnostics.Count);
    }

    [Fact]
    public void A_name_of_a_file_that_cannot_serve_is_told()
    {
        var text = Encoding.UTF8.GetBytes(Sample.Server);

        Assert.Equal(
            "f:1:1: Name: is missing, and the file's name cannot serve: "
                + "\"my tunnel\" is not a name (1 to 64 of A-Z a-z 0-9 . _ -; a letter or digit first)",
            Assert.Single(ConfigFile.Parse(text, "my tunnel").Diagnostics).Render("f")
        );
        Assert.Equal(
            "f:1:1: Name: is missing; without a file's name it is required",
            Assert.Single(ConfigFile.Parse(text, null).Diagnostics).Render("f")
        );
    }
}
