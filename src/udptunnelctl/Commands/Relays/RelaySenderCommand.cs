using System.Diagnostics.CodeAnalysis;
using Cocona;

namespace UdpTunnel.Cli.Commands.Relays;

/// <summary><c>relay sender</c>: the end inside the private network.</summary>
internal sealed class RelaySenderCommand(Invocation invocation)
{
    [Command(
        Description = "Start the end inside the private network: connects to the receiver and passes datagrams to a "
            + "UDP service.")]
    [Example("udptunnelctl relay sender --udp internal-dns.lan:53 --tcp tunnel-server:5353")]
    [DynamicDependency(ParameterSet.Members, typeof(RelayOptions))]
    public Task RunAsync(
        [Option("udp", ValueName = "HOST:PORT", Description = "The UDP service")] string udp,
        [Option("tcp", ValueName = "HOST:PORT", Description = "The receiver")] string tcp,
        RelayOptions options,
        [Option(
            "receiver-key",
            ValueName = "SHA256:...",
            Description = "The receiver's key (own key there). Default: the first one seen is remembered")]
        string? receiverKey)
    {
        var end = new RelayEnd(invocation, "sender");
        return end.StartAsync(end.Reached("--udp", udp), end.Reached("--tcp", tcp), options, receiverKey);
    }
}
