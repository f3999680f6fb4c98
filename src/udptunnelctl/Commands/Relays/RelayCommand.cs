using System.CommandLine;

namespace UdpTunnel.Cli.Commands.Relays;

/// <summary><c>relay</c>: the commands that start the two ends of a relay.</summary>
internal sealed class RelayCommand : Command, IHasExamples
{
    /// <summary>Declares the commands.</summary>
    public RelayCommand(CommandHost host, GlobalOptions global)
        : base("relay", "Publish a UDP service of a private network through one TCP connection.")
    {
        Add(new RelayReceiverCommand(host, global));
        Add(new RelaySenderCommand(host, global));
        Add(new RelayAcceptKeyCommand(host, global));
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Examples { get; } =
    [
        "udptunnelctl relay receiver --udp :53 --tcp :5353",
        "udptunnelctl relay sender --udp internal-dns.lan:53 --tcp tunnel-server:5353",
        "udptunnelctl approve SHA256:47DEQpj8",
    ];
}
