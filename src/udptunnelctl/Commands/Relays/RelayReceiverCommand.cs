namespace UdpTunnel.Cli.Commands.Relays;

/// <summary><c>relay receiver</c>: the reachable end.</summary>
internal sealed class RelayReceiverCommand : RelayEndCommand
{
    /// <summary>Declares the command.</summary>
    public RelayReceiverCommand(CommandHost host, GlobalOptions global)
        : base(
            host,
            global,
            "receiver",
            "Start the reachable end: takes datagrams from clients, and hands them to a sender that you approved.",
            "Where clients send to: a port, or an address of this host and a port",
            "Where the sender connects to")
    {
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples { get; } =
    [
        "udptunnelctl relay receiver --udp :53 --tcp :5353",
        "udptunnelctl relay receiver --udp :27015 --tcp :5353 --name game",
    ];
}
