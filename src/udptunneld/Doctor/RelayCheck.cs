// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
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
            RelayState.Running => Running(relay),
            RelayState.Pending => new Finding(
                Id,
                CheckResult.Warning,
                "the receiver has not approved this sender yet",
                "udptunnelctl senders; udptunnelctl approve SENDER, at the receiver",
                name
            ),
            RelayState.Waiting when relay.PendingSenders > 0 => new Finding(
                Id,
                CheckResult.Warning,
                relay.PendingSenders == 1
                    ? "1 sender waits for approval"
                    : $"{relay.PendingSenders} senders wait for approval",
                "udptunnelctl senders; udptunnelctl approve SENDER",
                name
            ),
            RelayState.Waiting when relay.Connections > 0 => new Finding(
                Id,
                CheckResult.Warning,
                "the sender was connected and is away; it comes back by itself",
                "udptunnelctl status, at the other end",
                name
            ),
            RelayState.Waiting => new Finding(
                Id,
                CheckResult.Warning,
                $"no sender has connected to TCP {relay.Config.TcpAddress}",
                "udptunnelctl relay sender, at the other end",
                name
            ),
            _ => new Finding(
                Id,
                CheckResult.Failure,
                relay.Problem.Length > 0 ? relay.Problem : "it is not connected",
                $"udptunnelctl events {name}",
                name
            ),
        };
    }

    private Finding Running(RelayStatus relay)
    {
        var name = relay.Config.Name;
        var peer = $"with {relay.PeerAddress} at the other end";
        if (relay.ServiceProblem.Length > 0)
        {
            return new Finding(
                Id,
                CheckResult.Warning,
                $"connected, {peer}, but {relay.ServiceProblem}",
                Remedy(relay),
                name
            );
        }

        return relay.Traffic switch
        {
            { PacketsToService: 0 } => new Finding(
                Id,
                CheckResult.Ok,
                $"connected, {peer}; no client has sent yet",
                Subject: name
            ),
            { PacketsToClients: 0 } => new Finding(
                Id,
                CheckResult.Warning,
                $"connected, {peer}; clients have sent, and the service has answered none of it",
                relay.Config.Relay == RelayRole.Sender
                    ? $"does the service listen at {relay.Config.UdpAddress}? One that never answers is well so"
                    : "udptunnelctl doctor, at the other end",
                name
            ),
            _ => new Finding(Id, CheckResult.Ok, $"datagrams flow, {peer}", Subject: name),
        };
    }

    private static string Remedy(RelayStatus relay) =>
        relay.Drops.Any(d => d.Reason == RelayDropReason.OtherSource)
            ? "if these are its answers, \"AnswersFrom\": \"any-port\" or \"any\" in the sender's file"
            : $"does the service run, and listen at {relay.Config.UdpAddress}?";

    private static Finding Flows(RelayStatus relay)
    {
        const string Id = "flows";
        var (flows, most, name) = (relay.Flows, relay.Config.MaxFlows, relay.Config.Name);
        return flows >= most * 9L / 10
            ? new Finding(
                Id,
                CheckResult.Warning,
                $"{flows} of {most} flows are live; above that the longest idle give way to new clients",
                "a larger \"MaxFlows\", or a shorter \"IdleTimeout\"",
                name
            )
            : new Finding(Id, CheckResult.Ok, $"{flows} of {most} flows are live", Subject: name);
    }
}
