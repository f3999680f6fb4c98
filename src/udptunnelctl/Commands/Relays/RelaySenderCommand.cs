using System.CommandLine;

namespace UdpTunnel.Cli.Commands.Relays;

/// <summary><c>relay sender</c>: the end inside the private network.</summary>
internal sealed class RelaySenderCommand : RelayEndCommand
{
    private readonly Option<string?> _receiverKey = new("--receiver-key")
    {
        Description = "The receiver's key (own key there). Default: the first one seen is remembered",
        HelpName = "SHA256:...",
    };

    /// <summary>Declares the command.</summary>
    public RelaySenderCommand(CommandHost host, GlobalOptions global)
        : base(
            host,
            global,
            "sender",
            "Start the end inside the private network: connects to the receiver and passes datagrams to a UDP service.",
            "The UDP service",
            "The receiver") =>
        Add(_receiverKey);

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples { get; } =
        ["udptunnelctl relay sender --udp internal-dns.lan:53 --tcp tunnel-server:5353"];

    /// <inheritdoc/>
    protected override string? ReceiverKey(Invocation invocation) => invocation.Get(_receiverKey);
}
