// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics.CodeAnalysis;
using Cocona;

namespace UdpTunnel.Cli.Commands.Relays;

/// <summary><c>relay sender</c>: the end inside the private network.</summary>
internal sealed class RelaySenderCommand(Invocation invocation)
{
    [Command(
        Description = "Start the end inside the private network: connects to the receiver and passes datagrams to a "
            + "UDP service."
    )]
    [Example("udptunnelctl relay sender --udp internal-dns.lan:53 --tcp tunnel-server:5353")]
    [Example("udptunnelctl relay sender --udp game.lan:27015-27030 --udp 53=dns.lan:5353 --tcp tunnel-server:5353")]
    [DynamicDependency(ParameterSet.Members, typeof(RelayOptions))]
    public Task RunAsync(
        [Option(
            "udp",
            ValueName = "[PORT=]HOST:PORT[-LAST]",
            Description = "The UDP service, or a range of them; in front the receiver's port where it is another. "
                + "May be repeated"
        )]
            string[] udp,
        [Option("tcp", ValueName = "HOST:PORT", Description = "The receiver")] string tcp,
        RelayOptions options,
        [Option(
            "receiver-key",
            ValueName = "SHA256:...",
            Description = "The receiver's key (own key there). Default: the first one seen is remembered"
        )]
            string? receiverKey,
        [Option(
            "proxy-protocol",
            ValueName = "off|v2|v2-every",
            Description = "Tell the service the client's address: PROXY protocol v2 in front of the first datagram of "
                + "each flow, or of every one"
        )]
            string? proxyProtocol,
        [Option(
            "answers-from",
            ValueName = "asked|any-port|any",
            Description = "From where answers are taken: the address and port that were asked, any port of that address "
                + "(default), or anywhere"
        )]
            string? answersFrom
    )
    {
        var end = new RelayEnd(invocation, "sender");
        string[] services = [.. udp.Select(service => end.Reached("--udp", service))];
        return end.StartAsync(services, end.Reached("--tcp", tcp), options, json =>
        {
            RelayEnd.WriteText(json, "ReceiverKey", receiverKey);
            RelayEnd.WriteText(json, "ProxyProtocol", proxyProtocol);
            RelayEnd.WriteText(json, "AnswersFrom", answersFrom);
        });
    }
}
