// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Config;

/// <summary>Each mistake in a relay file, with the exact place and words.</summary>
public sealed class RelayMistakeTests
{
    private const string NoKey = " is not a key's fingerprint (\"SHA256:\" and the base64 of 32 bytes)";

    public static TheoryData<string, string[]> Mistakes =>
        new()
        {
            {
                """{"Relay": "reciever", "UdpAddress": ":53", "TcpAddress": ":5353"}""",
                ["1:11: Relay: \"reciever\" is neither \"receiver\" nor \"sender\""]
            },
            {
                """{"Relay": true, "UdpAddress": "x", "TcpAddress": 5353}""",
                [
                    "1:11: Relay: true is neither \"receiver\" nor \"sender\"",
                    "1:31: UdpAddress: \"x\" has no port (such as \":8000\" or \"example.com:8000\")",
                    "1:50: TcpAddress: 5353 is not a string",
                ]
            },
            {
                """{"Relay": "receiver"}""",
                [
                    "1:1: UdpAddress: is missing (\":53\" for a receiver, \"service:53\" for a sender)",
                    "1:1: TcpAddress: is missing (\":5353\" for a receiver, \"receiver:5353\" for a sender)",
                ]
            },
            {
                """{"UdpAddress": ":53", "TcpAddress": ":5353"}""",
                ["1:1: Relay: is missing (\"receiver\" or \"sender\")"]
            },
            {
                """{"Relay": null, "UdpAddress": ":53", "TcpAddress": ":5353"}""",
                ["1:1: Relay: is missing (\"receiver\" or \"sender\")"]
            },
            {
                """{"Relay": "sender", "UdpAddress": ":53", "TcpAddress": "0.0.0.0:5353"}""",
                [
                    "1:35: UdpAddress: \":53\" has no host to connect to (a sender names the service, such as \"example.com:53\")",
                    "1:56: TcpAddress: \"0.0.0.0:5353\" has no host to connect to (a sender names the receiver, such as \"example.com:5353\")",
                ]
            },
            {
                """{"TcpAddress": "localhost:5353", "UdpAddress": ":53", "Relay": "receiver"}""",
                [
                    "1:16: TcpAddress: \"localhost:5353\" has a name (a receiver binds an address of its own, such as \":5353\")",
                ]
            },
            {
                """{"Relay": "receiver", "UdpAddress": ":53", "TcpAddress": ":5353", "Protocol": "TLS"}""",
                ["1:79: Protocol: \"TLS\" is neither \"tls\" nor \"classic\""]
            },
            {
                """{"Relay": "receiver", "UdpAddress": ":53", "TcpAddress": ":5353", "IdleTimeout": 0, "MaxFlows": 65536}""",
                [
                    "1:82: IdleTimeout: 0 is not a whole number of seconds (1 to 86400)",
                    "1:97: MaxFlows: 65536 is not a number of flows (1 to 65535)",
                ]
            },
            {
                """{"Relay": "sender", "UdpAddress": "a:1", "TcpAddress": "b:2", "ReceiverKey": "SHA256:AAAA"}""",
                ["1:78: ReceiverKey: \"SHA256:AAAA\"" + NoKey]
            },
            {
                $$"""{"Relay": "receiver", "UdpAddress": ":1", "TcpAddress": ":2", "ReceiverKey": "{{Sample.Key}}"}""",
                ["1:78: ReceiverKey: a receiver has no use for it (it belongs in the sender's file)"]
            },
            {
                $$"""{"Relay": "sender", "UdpAddress": "a:1", "TcpAddress": "b:2", "ReceiverKey": "{{Sample.Key}}", "Protocol": "classic"}""",
                ["1:78: ReceiverKey: the classic protocol has no keys (leave it out, or use \"tls\")"]
            },
            {
                """{"Relay": "receiver", "UdpAddress": ":1", "TcpAddress": ":2", "AllowedClients": ["10.0.0.1/8", "::/129", 1, "x", "10.1"]}""",
                [
                    "1:82: AllowedClients[0]: \"10.0.0.1/8\" has bits behind its prefix (\"10.0.0.0/8\" is the network)",
                    "1:96: AllowedClients[1]: \"129\" is not a prefix length (0 to 128)",
                    "1:106: AllowedClients[2]: 1 is not a network (such as \"10.0.0.0/24\")",
                    "1:109: AllowedClients[3]: \"x\" is not a network (such as \"10.99.0.2/32\" or \"2001:db8::/32\")",
                    "1:114: AllowedClients[4]: \"10.1\" is not a network (such as \"10.99.0.2/32\" or \"2001:db8::/32\")",
                ]
            },
            {
                """{"Relay": "receiver", "UdpAddress": ":1", "TcpAddress": ":2", "AnswersFrom": "any", "ClientFlowRate": 0}""",
                [
                    "1:78: AnswersFrom: a receiver has no use for it (it belongs in the sender's file)",
                    "1:103: ClientFlowRate: 0 is not a number of flows a second (1 to 999999999)",
                ]
            },
            {
                """{"Relay": "sender", "UdpAddress": "a:1", "TcpAddress": "b:2", "ClientByteRate": 5, "AnswersFrom": "port"}""",
                [
                    "1:81: ClientByteRate: a sender has no use for it (it belongs in the receiver's file)",
                    "1:99: AnswersFrom: \"port\" is neither \"asked\" nor \"any-port\" nor \"any\"",
                ]
            },
            {
                """{"Relay": "receiver", "UdpAddress": ":53", "TcpAddress": ":5353", "AllowedPorts": [22]}""",
                ["1:67: AllowedPorts: belongs to a tunnel file; this is a relay file"]
            },
        };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void A_mistake_is_answered_with_place_field_value_and_what_is_allowed(string text, string[] remarks)
    {
        Assert.Equal(remarks.Select(r => "config.json:" + r), Sample.Remarks(text));
        Assert.Null(Sample.Parse(text).Configuration);
    }
}
