// SPDX-License-Identifier: BSD-3-Clause

using FsCheck;
using FsCheck.Fluent;
using UdpTunnel.Doctor;

namespace UdpTunnel.Tests.Doctor;

/// <summary>Rules as <c>nft -j list ruleset</c> writes them.</summary>
public sealed class NftRulesetTests
{
    private const string Accepting =
        """{"chain": {"family": "inet", "table": "filter", "name": "input", "hook": "input", "policy": "accept"}}""";
    private const string Dropping =
        """{"chain": {"family": "inet", "table": "filter", "name": "input", "hook": "input", "policy": "drop"}}""";
    private const string Accept = """{"accept": null}""";
    private const string Drop = """{"drop": null}""";
    private const string Established =
        """{"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}}""";

    [Fact]
    public void No_rules_block_nothing() => Assert.Null(Of().BlockerOf(isTcp: false, 8000));

    [Fact]
    public void A_chain_that_drops_what_no_rule_lets_in_blocks()
    {
        Assert.Equal("inet filter input", Of(Dropping).BlockerOf(isTcp: false, 8000));
        Assert.Equal("inet filter input", Of(Dropping, Rule(Established, Accept)).BlockerOf(isTcp: false, 8000));
        Assert.Equal(
            "inet filter input",
            Of(Dropping, Rule(Port("tcp", "8000"), Accept)).BlockerOf(isTcp: false, 8000)
        );
        Assert.Null(Of(Accepting).BlockerOf(isTcp: false, 8000));
    }

    [Theory]
    [InlineData("8000")]
    [InlineData("""{"range": [7000, 9000]}""")]
    [InlineData("""{"set": [22, 8000]}""")]
    [InlineData("""{"set": [22, {"range": [8000, 8010]}]}""")]
    public void A_rule_for_the_port_lets_it_in(string right)
    {
        var rules = Of(
            Dropping,
            Rule(Established, Accept),
            Rule(Port("udp", right), """{"counter": {"packets": 0, "bytes": 0}}""", Accept)
        );

        Assert.Null(rules.BlockerOf(isTcp: false, 8000));
        Assert.Equal("inet filter input", rules.BlockerOf(isTcp: false, 9001));
        Assert.Equal("inet filter input", rules.BlockerOf(isTcp: true, 8000));
    }

    [Fact]
    public void A_rule_that_drops_the_port_blocks_although_the_chain_accepts()
    {
        Assert.Equal("inet filter input", Of(Accepting, Rule(Port("udp", "8000"), Drop)).BlockerOf(isTcp: false, 8000));
        Assert.Equal(
            "inet filter input",
            Of(Accepting, Rule(Port("udp", "8000"), """{"reject": {"type": "icmp"}}""")).BlockerOf(isTcp: false, 8000)
        );
        Assert.Equal(
            "inet filter input",
            Of(Accepting, Rule(Port("udp", "22", "!="), Drop)).BlockerOf(isTcp: false, 8000)
        );
        Assert.Null(Of(Accepting, Rule(Port("udp", "8000"), Accept), Rule(Drop)).BlockerOf(isTcp: false, 8000));
    }

    /// <remarks>Who is blamed must be to blame: what depends on more than the port is no proof.</remarks>
    [Fact]
    public void What_depends_on_more_than_the_port_is_not_blamed()
    {
        const string Device = """{"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "tun0"}}""";

        Assert.Null(Of(Accepting, Rule(Device, Port("udp", "8000"), Drop)).BlockerOf(isTcp: false, 8000));
        Assert.Null(Of(Accepting, Rule(Port("udp", "\"@ports\""), Drop)).BlockerOf(isTcp: false, 8000));
    }

    [Fact]
    public void Where_the_device_is_known_its_rules_count()
    {
        Assert.Equal("inet filter input", Of(Dropping).BlockerOf(isTcp: true, 22, "tun0"));
        Assert.Equal(
            "inet filter input",
            Of(Dropping, Rule(By("\"eth0\""), Accept), Rule(By("\"lo\""), Accept)).BlockerOf(isTcp: true, 22, "tun0")
        );
        Assert.Null(Of(Dropping, Rule(By("\"tun*\""), Accept)).BlockerOf(isTcp: true, 22, "tun0"));
        Assert.Null(Of(Dropping, Rule(By("""{"set": ["eth0", "tun0"]}"""), Accept)).BlockerOf(isTcp: true, 22, "tun0"));
        Assert.Null(Of(Dropping, Rule(Port("tcp", "22"), Accept)).BlockerOf(isTcp: true, 22, "tun0"));
        Assert.Equal(
            "inet filter input",
            Of(Accepting, Rule(By("\"tun0\""), Port("tcp", "22"), Drop)).BlockerOf(isTcp: true, 22, "tun0")
        );

        static string By(string devices) =>
            """{"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": """ + devices + "}}";
    }

    [Fact]
    public void Whatever_is_read_is_understood_or_refused() =>
        Prop.ForAll<string>(text =>
            {
                string[] answers =
                [
                    text ?? "",
                    "{\"nftables\": [{\"rule\": " + Quoted(text) + "}]}",
                    "{\"nftables\": [{\"chain\": {\"hook\": " + Quoted(text) + "}}]}",
                    $$"""{"nftables": [{{Dropping}}, {{Rule(Quoted(text))}}]}""",
                    $$"""{"nftables": [{{Dropping}}, {{Rule(Port("udp", $"[{Quoted(text)}]"), $"{{\"match\": {Quoted(text)}}}")}}]}""",
                ];
                foreach (var json in answers)
                {
                    try
                    {
                        NftRuleset.Parse(json).BlockerOf(isTcp: false, 1);
                    }
                    catch (IOException)
                    {
                        // Refused.
                    }
                }
            })
            .QuickCheckThrowOnFailure();

    [Fact]
    public void Tables_are_not_asked_for_and_names_are_no_commands()
    {
        List<string> questions = [];

        var rules = NftRuleset.Read(question =>
        {
            questions.Add(question);
            return question == "list chains"
                ? $$$"""{"nftables": [{{{Dropping}}}, {"chain": {"family": "inet", "table": "x; flush ruleset", "name": "input"}}]}"""
                : $$"""{"nftables": [{{Dropping}}, {{Rule(Port("udp", "8000"), Accept)}}]}""";
        });

        // The answer to `list ruleset` costs Debian 12's libnftables its memory (Nftables.List).
        Assert.Equal(["list chains", "list chain inet filter input"], questions);
        Assert.Null(rules.BlockerOf(isTcp: false, 8000));
        Assert.Equal("inet filter input", rules.BlockerOf(isTcp: false, 8001));
    }

    private static string Quoted(string? text) => System.Text.Json.JsonSerializer.Serialize(text ?? "");

    private static NftRuleset Of(params string[] items) =>
        NftRuleset.Parse(
            $$$"""{"nftables": [{"metainfo": {"version": "1.0.6"}}{{{string.Concat(items.Select(i => "," + i))}}}]}"""
        );

    private static string Rule(params string[] statements) =>
        $$$"""{"rule": {"family": "inet", "table": "filter", "chain": "input", "expr": [{{{string.Join(',', statements)}}}]}}""";

    private static string Port(string protocol, string right, string operation = "==") =>
        $$$"""{"match": {"op": "{{{operation}}}", "left": {"payload": {"protocol": "{{{protocol}}}", "field": "dport"}}, "right": {{{right}}} }}""";
}
