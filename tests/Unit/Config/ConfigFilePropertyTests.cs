// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using UdpTunnel.Config;

namespace UdpTunnel.Tests.Config;

public sealed class ConfigFilePropertyTests
{
    private static readonly string[] Seeds =
    [
        Sample.Server,
        Sample.Client,
        Sample.Receiver,
        Sample.Sender,
        """
            // comment
            {
                "Name": "home", "TunnelAddress": "10.0.0.1/24", "NetworkAddress": "[fe80::1%eth0]:8000", /* é😀 */
                "AllowedPorts": [22, "8000-8010", 443,], "PacketMagic": "a\n\u00e9\ud83d\ude00", "Mtu": 1300, "Offload": "auto",
            }
            """,
        "{\"Relay\": \"sender\", \"UdpAddress\": \"a:1\", \"TcpAddress\": \"b:2\", \"ReceiverKey\": \""
            + Sample.Key
            + "\"}",
        """{"a": [0, -1, 1.5, 2e-7, true, false, null, "", {}, [], {"b": {"c": [[]]}}]}""",
    ];

    private static readonly string[] Splices =
    [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "//",
        "/*",
        "*/",
        "\n",
        "0",
        "-",
        "1.5",
        "e9",
        "null",
        "true",
        "\"Mtu\":1,",
        "'",
        "\\u",
        "\\ud800",
        "\"Relay\":\"sender\",",
        "\t",
        "\0",
        "é",
        "\u007f",
        "99999999999",
        "\"Name\":",
        "AllowedPorts",
    ];

    private static readonly Gen<byte[]> RandomBytes = Gen.ArrayOf(Gen.Choose(0, 255).Select(b => (byte)b));

    /// <summary>
    /// Valid files after up to four edits: a byte changed, a stretch removed or doubled, a token put in, the end cut.
    /// </summary>
    private static readonly Gen<byte[]> Mutated =
        from seed in Gen.Elements(Seeds)
        from edits in Gen.Choose(0, 4)
        from numbers in Gen.ArrayOf(Gen.Choose(0, int.MaxValue), 4 * edits)
        select Enumerable
            .Range(0, edits)
            .Aggregate(Encoding.UTF8.GetBytes(seed), (text, edit) => Mutate(text, numbers.AsSpan(4 * edit, 4)));

    [Fact]
    public void The_canonical_text_of_a_configuration_parses_to_an_equal_configuration() =>
        Generated.ForAll(Generated.Configurations, config =>
        {
            var json = config.ToJson();
            // The file's name must not matter.
            var result = ConfigFile.Parse(Encoding.UTF8.GetBytes(json), "other");

            Assert.DoesNotContain(result.Diagnostics, d => d.Severity == DiagnosticSeverity.Error);
            Assert.Equal(config, result.Configuration);
            Assert.Equal(config.GetHashCode(), result.Configuration?.GetHashCode());
            Assert.Equal(json, result.Configuration?.ToJson());
        });

    [Fact]
    public void Random_bytes_give_a_configuration_or_an_error_at_a_place_inside() =>
        Generated.ForAll(RandomBytes, CheckTotal);

    [Fact]
    public void Mutated_files_give_a_configuration_or_an_error_at_a_place_inside() =>
        Generated.ForAll(Mutated, CheckTotal);

    [Fact]
    public void What_a_mutated_file_gives_survives_being_stored() => Generated.ForAll(Mutated, text =>
        {
            if (ConfigFile.Parse(text, "config").Configuration is { } config)
            {
                Assert.Equal(config, ConfigFile.Parse(Encoding.UTF8.GetBytes(config.ToJson()), null).Configuration);
            }
        });

    [Fact]
    public void A_text_is_JSON_exactly_when_the_frameworks_reader_takes_it() =>
        Generated.ForAll(
            // The framework ends a comment at every line end that Unicode knows; HuJSON and this format only at a line
            // feed.
            Mutated.Where(text => !text.Contains((byte)'\r') && text.AsSpan().IndexOf("\u2028"u8) < 0),
            text => Assert.Equal(IsJson(text), IsWellFormed(text))
        );

    [Fact]
    public void The_largest_configuration_fits_when_it_is_stored()
    {
        var odd = Enumerable.Range(0, 32_768).Select(i => new PortRange((ushort)((2 * i) + 1))).ToArray();
        var largest = Sample.Clean<TunnelConfig>(Sample.Server) with
        {
            AllowedPorts = PortSet.Create(odd),
            PacketMagic = new string('\u0001', TunnelConfig.MaxPacketMagicLength),
        };

        Assert.Equal(largest, Sample.Clean<TunnelConfig>(largest.ToJson()));
    }

    private static void CheckTotal(byte[] text)
    {
        var result = ConfigFile.Parse(text, "config");

        Assert.Equal(result.Configuration is null, result.Diagnostics.Any(d => d.Severity == DiagnosticSeverity.Error));
        var content = text.AsSpan().StartsWith("\uFEFF"u8) ? text.AsSpan(3) : text;
        var lineEnd = content.Contains((byte)'\n') ? '\n' : '\r';
        var lengths = Encoding.Latin1.GetString(content).Split(lineEnd).Select(line => line.Length).ToArray();
        foreach (var remark in result.Diagnostics)
        {
            Assert.InRange(remark.Line, 1, lengths.Length);
            // One column behind the last byte is where the end of the text is.
            Assert.InRange(remark.Column, 1, lengths[remark.Line - 1] + 1);
            Assert.DoesNotContain(remark.Render("f"), char.IsControl);
        }
    }

    private static bool IsWellFormed(byte[] text) =>
        ConfigFile
            .Parse(text, "config")
            .Diagnostics.All(d =>
                d.Field.Length > 0
                || d.Message == "a JSON object is expected ({ … })"
                || d.Message.StartsWith("is not a field", StringComparison.Ordinal)
            );

    private static bool IsJson(byte[] text)
    {
        var options = new JsonReaderOptions
        {
            AllowTrailingCommas = true,
            CommentHandling = JsonCommentHandling.Skip,
            MaxDepth = 32,
        };
        try
        {
            _ = new UTF8Encoding(false, true).GetString(text);
            var reader = new Utf8JsonReader(text, options);
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName)
                {
                    // The reader finds halves of surrogate pairs only now.
                    _ = reader.GetString();
                }
            }

            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            return false;
        }
    }

    private static byte[] Mutate(byte[] text, ReadOnlySpan<int> numbers)
    {
        var at = numbers[1] % (text.Length + 1);
        var length = Math.Min(numbers[2] % 12, text.Length - at);
        var (before, stretch, after) = (text[..at], text[at..(at + length)], text[(at + length)..]);
        return (numbers[0] % 6) switch
        {
            0 => [.. before, (byte)numbers[3], .. after],
            1 => [.. before, .. after],
            2 => [.. before, .. stretch, .. stretch, .. after],
            3 => before,
            _ => [.. before, .. Encoding.UTF8.GetBytes(Splices[numbers[3] % Splices.Length]), .. stretch, .. after],
        };
    }
}
