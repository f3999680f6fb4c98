// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics.CodeAnalysis;
using Cocona;

namespace UdpTunnel.Cli.Commands.Relays;

/// <summary><c>relay receiver</c>: the reachable end.</summary>
internal sealed class RelayReceiverCommand(Invocation invocation)
{
    [Command(
        Description = "Start the reachable end: takes datagrams from clients, and hands them to a sender that you "
            + "approved."
    )]
    [Example("udptunnelctl relay receiver --udp 198.51.100.2:53 --tcp :5353")]
    [Example("udptunnelctl relay receiver --udp :27015-27030 --udp :5300 --tcp :5353 --name game")]
    [DynamicDependency(ParameterSet.Members, typeof(RelayOptions))]
    public Task RunAsync(
        [Option(
            "udp",
            ValueName = "[HOST]:PORT[-LAST]",
            Description = "Where clients send to: a port or a range, or an address of this host and ports; may be "
                + "repeated"
        )]
            string[] udp,
        [Option("tcp", ValueName = "[HOST]:PORT", Description = "Where the sender connects to")] string tcp,
        RelayOptions options,
        [Option(
            "allowed-clients",
            ValueName = "NETWORK",
            Description = "Network whose hosts may be clients, such as 192.0.2.0/24; may be repeated. Default: everybody"
        )]
            string[]? allowedClients,
        [Option("client-flow-rate", ValueName = "N", Description = "Most new flows a second of one client")]
            long? clientFlowRate,
        [Option("client-byte-rate", ValueName = "N", Description = "Most bytes a second from one client")]
            long? clientByteRate
    ) =>
        new RelayEnd(invocation, "receiver").StartAsync(
            [.. udp.Select(RelayEnd.Listening)],
            RelayEnd.Listening(tcp),
            options,
            json =>
            {
                RelayEnd.WriteTexts(json, "AllowedClients", allowedClients);
                RelayEnd.WriteNumber(json, "ClientFlowRate", clientFlowRate);
                RelayEnd.WriteNumber(json, "ClientByteRate", clientByteRate);
            }
        );
}
