using System.Diagnostics.CodeAnalysis;
using Cocona;

namespace UdpTunnel.Cli.Commands.Relays;

/// <summary><c>relay receiver</c>: the reachable end.</summary>
internal sealed class RelayReceiverCommand(Invocation invocation)
{
    [Command(
        Description = "Start the reachable end: takes datagrams from clients, and hands them to a sender that you "
            + "approved.")]
    [Example("udptunnelctl relay receiver --udp :53 --tcp :5353")]
    [Example("udptunnelctl relay receiver --udp :27015 --tcp :5353 --name game")]
    [DynamicDependency(ParameterSet.Members, typeof(RelayOptions))]
    public Task RunAsync(
        [Option(
            "udp",
            ValueName = "[HOST]:PORT",
            Description = "Where clients send to: a port, or an address of this host and a port")]
        string udp,
        [Option("tcp", ValueName = "[HOST]:PORT", Description = "Where the sender connects to")] string tcp,
        RelayOptions options) =>
        new RelayEnd(invocation, "receiver").StartAsync(RelayEnd.Listening(udp), RelayEnd.Listening(tcp), options);
}
