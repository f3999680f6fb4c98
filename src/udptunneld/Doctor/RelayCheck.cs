using UdpTunnel.Relay;

namespace UdpTunnel.Doctor;

/// <summary>What the relays themselves know.</summary>
internal sealed class RelayCheck : ICheck
{
    /// <inheritdoc/>
    public string Id => "relay";

    /// <inheritdoc/>
    public IEnumerable<Finding> Run(Patient patient) => patient.Relays.SelectMany(r => new[] { State(r), Flows(r) });

    private Finding State(RelayStatus relay)
    {
        var name = relay.Config.Name;
        return relay.State switch
        {
            RelayState.Running => new Finding(Id, CheckResult.Ok, $"datagrams flow, with {relay.PeerAddress} at the other end", Subject: name),
            RelayState.Pending => new Finding(
                Id, CheckResult.Warning, "the receiver has not approved this sender yet", "udptunnelctl senders; udptunnelctl approve SENDER, at the receiver", name),
            RelayState.Waiting when relay.PendingSenders > 0 => new Finding(
                Id, CheckResult.Warning, relay.PendingSenders == 1 ? "1 sender waits for approval" : $"{relay.PendingSenders} senders wait for approval", "udptunnelctl senders; udptunnelctl approve SENDER", name),
            RelayState.Waiting => new Finding(
                Id, CheckResult.Warning, $"no sender has connected to TCP {relay.Config.TcpAddress}", "udptunnelctl relay sender, at the other end", name),
            _ => new Finding(Id, CheckResult.Failure, relay.Problem.Length > 0 ? relay.Problem : "it is not connected", $"udptunnelctl events {name}", name),
        };
    }

    private static Finding Flows(RelayStatus relay)
    {
        const string Id = "flows";
        var (flows, most, name) = (relay.Flows, relay.Config.MaxFlows, relay.Config.Name);
        return flows >= most * 9L / 10
            ? new Finding(Id, CheckResult.Warning, $"{flows} of {most} flows are live; above that new clients are refused", "a larger \"MaxFlows\", or a shorter \"IdleTimeout\"", name)
            : new Finding(Id, CheckResult.Ok, $"{flows} of {most} flows are live", Subject: name);
    }
}
