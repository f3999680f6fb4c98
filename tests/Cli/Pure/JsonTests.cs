// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli;

public sealed class JsonTests
{
    [Fact]
    public void A_tunnel_has_every_field_of_the_message_in_camel_case()
    {
        var json = Parse(Samples.Server());
        var expected = Tunnel.Descriptor.Fields.InDeclarationOrder().Select(f => f.JsonName).Order();

        Assert.Equal(expected, json.EnumerateObject().Select(p => p.Name).Order());
        Assert.Equal(
            Counters.Descriptor.Fields.InDeclarationOrder().Select(f => f.JsonName).Order(),
            json.GetProperty("counters").EnumerateObject().Select(p => p.Name).Order()
        );
        Assert.Equal(
            Rates.Descriptor.Fields.InDeclarationOrder().Select(f => f.JsonName).Order(),
            json.GetProperty("rates").EnumerateObject().Select(p => p.Name).Order()
        );
    }

    [Fact]
    public void Enumerations_are_words_numbers_are_numbers_and_times_are_rfc_3339()
    {
        var tunnel = Samples.Server();
        tunnel.Counters.BytesOut = ulong.MaxValue;
        var json = Parse(tunnel);

        Assert.Equal("running", json.GetProperty("state").GetString());
        Assert.Equal(ulong.MaxValue, json.GetProperty("counters").GetProperty("bytesOut").GetUInt64());
        Assert.Equal("2026-03-04T09:00:00Z", json.GetProperty("started").GetString());
        var drop = json.GetProperty("counters").GetProperty("drops")[1];
        Assert.Equal("no_flow", drop.GetProperty("reason").GetString());
        Assert.Equal("in", drop.GetProperty("direction").GetString());
        Assert.Equal(12, drop.GetProperty("packets").GetInt32());
    }

    [Fact]
    public void What_is_not_known_is_null()
    {
        var json = Parse(new Tunnel { Name = "x", Peer = new Peer() });

        Assert.Equal(JsonValueKind.Null, json.GetProperty("state").ValueKind);
        Assert.Equal(JsonValueKind.Null, json.GetProperty("problem").ValueKind);
        Assert.Equal(JsonValueKind.Null, json.GetProperty("started").ValueKind);
        Assert.Equal(JsonValueKind.Null, json.GetProperty("counters").ValueKind);
        Assert.Equal(JsonValueKind.Null, json.GetProperty("peer").GetProperty("endpoint").ValueKind);
        Assert.Equal(JsonValueKind.Null, json.GetProperty("peer").GetProperty("lastHeard").ValueKind);
    }

    [Fact]
    public void Whatever_a_daemon_sends_is_one_line_of_printable_ascii_that_parses() =>
        Property.ForAll<int>(seed =>
        {
            var text = Write(Samples.Any(seed));
            using var document = JsonDocument.Parse(text);
            return text.EndsWith('\n')
                && text.AsSpan(0, text.Length - 1).IndexOfAnyExceptInRange(' ', '~') < 0
                && document.RootElement.GetProperty("schemaVersion").GetInt32() == 1;
        });

    [Theory]
    [InlineData(0, 0, "1970-01-01T00:00:00Z")]
    [InlineData(1, 500_000_000, "1970-01-01T00:00:01.5Z")]
    [InlineData(253_402_300_799, 999_999_999, "9999-12-31T23:59:59.9999999Z")]
    public void Times_keep_their_decimals(long seconds, int nanos, string text) =>
        Assert.Equal(text, TimeText.Rfc3339(TimeText.Of(new Timestamp { Seconds = seconds, Nanos = nanos })!.Value));

    [Theory]
    [InlineData(long.MaxValue, 0)]
    [InlineData(long.MinValue, 0)]
    [InlineData(0, -1)]
    [InlineData(0, 1_000_000_000)]
    public void A_time_that_is_none_is_not_known(long seconds, int nanos) =>
        Assert.Null(TimeText.Of(new Timestamp { Seconds = seconds, Nanos = nanos }));

    private static JsonElement Parse(Tunnel tunnel)
    {
        using var document = JsonDocument.Parse(Write(tunnel));
        return document.RootElement.GetProperty("tunnel").Clone();
    }

    private static string Write(Tunnel tunnel)
    {
        using var writer = new StringWriter();
        JsonOutput.Write(writer, json => TunnelJson.Write(json, "tunnel", tunnel));
        return writer.ToString();
    }
}
