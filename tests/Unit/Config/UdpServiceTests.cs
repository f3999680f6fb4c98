// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using UdpTunnel.Config;

namespace UdpTunnel.Tests.Config;

public sealed class UdpServiceTests
{
    [Theory]
    [InlineData(":53", 53, 1, 53)]
    [InlineData("my-dns.lan:53", 53, 1, 53)]
    [InlineData("game.lan:27015-27030", 27015, 16, 27015)]
    [InlineData("[2001:db8::1]:1-1024", 1, 1024, 1)]
    [InlineData("53=dns.lan:5353", 5353, 1, 53)]
    [InlineData("100-103=a-b:200-203", 200, 4, 100)]
    public void A_service_is_read_and_written_the_same(string text, int port, int count, int receiverPort)
    {
        Assert.True(UdpService.TryParse(text, out var service, out var error), error);

        Assert.Equal((port, count, receiverPort), (service.Address.Port, service.Count, service.ReceiverPort));
        Assert.Equal(text, service.ToString());
    }

    [Theory]
    [InlineData("dns.lan", "has no port")]
    [InlineData(":9-", "not the last port of a range")]
    [InlineData(":9-70000", "not the last port of a range")]
    [InlineData(":9-8", "write 8-9")]
    [InlineData("x=dns.lan:53", "not a port or range of ports")]
    [InlineData("1-2=dns.lan:53", "one to one")]
    [InlineData("1=dns.lan:53-54", "one to one")]
    public void A_mistake_says_what_is_allowed(string text, string words)
    {
        Assert.False(UdpService.TryParse(text, out _, out var error));
        Assert.Contains(words, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("receiver", """[":53", ":123", ":27015-27030"]""", "tls", null)]
    [InlineData("receiver", """["192.0.2.1:53", "192.0.2.2:53"]""", "tls", null)]
    [InlineData("receiver", """[":53-60", ":55"]""", "tls", "UdpAddress[1]: port 55 is in UdpAddress[0] already")]
    [InlineData("receiver", """["53=a:53"]""", "tls", "maps ports")]
    [InlineData("receiver", """[]""", "tls", "the list is empty")]
    [InlineData("receiver", """[53]""", "tls", "UdpAddress[0]: 53 is not a string")]
    [InlineData("receiver", "\":1-1025\"", "tls", "1025 ports are too many")]
    [InlineData("receiver", """[":53", ":54"]""", "classic", "carries one service")]
    [InlineData("sender", """["a:53", "b:53"]""", "tls", "the receiver's port 53 is in UdpAddress[0] already")]
    [InlineData("sender", """["a:53", "54=b:53"]""", "tls", null)]
    [InlineData("sender", """["a:53", ":54"]""", "tls", "UdpAddress[1]: \":54\" has no host")]
    public void Services_of_one_relay_do_not_get_in_each_other_s_way(
        string role,
        string udp,
        string protocol,
        string? mistake
    )
    {
        var host = role == "sender" ? "r" : "";
        var text = $$"""
            {"Name": "x", "Relay": "{{role}}", "Protocol": "{{protocol}}", "UdpAddress": {{udp}},
             "TcpAddress": "{{host}}:1"}
            """;

        var result = ConfigFile.Parse(Encoding.UTF8.GetBytes(text), null);

        Assert.Equal(mistake is null, result.Configuration is not null);
        var shown = string.Join('\n', result.Diagnostics.Select(d => d.Render("f")));
        Assert.Contains(mistake ?? "", shown, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sender", "tls", "v2", null)]
    [InlineData("sender", "tls", "v2-every", null)]
    [InlineData("sender", "tls", "v1", "neither \"off\" nor \"v2\" nor \"v2-every\"")]
    [InlineData("sender", "classic", "v2", "the classic protocol")]
    [InlineData("receiver", "tls", "v2", "a receiver has no use for it")]
    public void ProxyProtocol_belongs_to_a_sender_of_tls(string role, string protocol, string value, string? mistake)
    {
        var host = role == "sender" ? "h" : "";
        var text = $$"""
            {"Name": "x", "Relay": "{{role}}", "Protocol": "{{protocol}}", "UdpAddress": "{{host}}:2",
             "TcpAddress": "{{host}}:1", "ProxyProtocol": "{{value}}"}
            """;

        var result = ConfigFile.Parse(Encoding.UTF8.GetBytes(text), null);

        Assert.Equal(mistake is null, result.Configuration is not null);
        var shown = string.Join('\n', result.Diagnostics.Select(d => d.Render("f")));
        Assert.Contains(mistake ?? "", shown, StringComparison.Ordinal);
    }
}
