// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Tunnel;

public sealed class FirewallTests
{
    [Fact]
    public void The_table_guards_one_device_with_the_ports_both_ways()
    {
        var table = Firewall.Table(
            "tun7",
            PortSet.Create([new PortRange(22), new PortRange(8000, 8010)]),
            forward: true
        );

        Assert.Contains("table inet udptunnel_tun7 {", table, StringComparison.Ordinal);
        Assert.Contains("flags owner", table, StringComparison.Ordinal);
        Assert.Contains("elements = { 22, 8000-8010 }", table, StringComparison.Ordinal);
        foreach (var (hook, rules) in ((string, int)[])[("input", 1), ("output", 1), ("forward", 2)])
        {
            var chain = table[table.IndexOf($"chain {hook} {{", StringComparison.Ordinal)..];
            chain = chain[..chain.IndexOf('}', StringComparison.Ordinal)];
            Assert.Contains($"hook {hook}", chain, StringComparison.Ordinal);
            Assert.Equal(rules, chain.Split("\"tun7\" jump guard").Length - 1);
        }

        // What no rule lets pass is dropped, and nothing of other devices is.
        var guard = table[table.IndexOf("chain guard {", StringComparison.Ordinal)..];
        Assert.EndsWith(
            "drop",
            guard[..guard.IndexOf("\n    }", StringComparison.Ordinal)].TrimEnd(),
            StringComparison.Ordinal
        );
        Assert.Equal(5, table.Split("policy accept").Length - 1);
        Assert.DoesNotContain("policy drop", table, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_forwarded_unless_that_is_asked_for()
    {
        var table = Firewall.Table("tun7", PortSet.Create([new PortRange(22)]), forward: false);

        var chain = table[table.IndexOf("chain forward {", StringComparison.Ordinal)..];
        chain = chain[..chain.IndexOf('}', StringComparison.Ordinal)];
        Assert.Contains("iifname \"tun7\" counter drop", chain, StringComparison.Ordinal);
        Assert.Contains("oifname \"tun7\" counter drop", chain, StringComparison.Ordinal);
        Assert.DoesNotContain("jump", chain, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a")]
    [InlineData("a-b.c_d")]
    [InlineData("0123456789abcde")]
    public void Every_name_of_a_device_stands_in_quotes(string device)
    {
        var table = Firewall.Table(device, PortSet.Create([new PortRange(1, 65_535)]), forward: true);

        Assert.Equal(8, table.Split($"\"{device}\"").Length - 1);
        Assert.Contains("elements = { 1-65535 }", table, StringComparison.Ordinal);
    }
}
