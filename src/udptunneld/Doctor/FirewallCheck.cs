using UdpTunnel.Linux;

namespace UdpTunnel.Doctor;

/// <summary>Whether a firewall of this host keeps others from the ports on which tunnels and relays wait.</summary>
internal sealed class FirewallCheck : ICheck
{
    /// <inheritdoc/>
    public string Id => "firewall";

    /// <inheritdoc/>
    public IEnumerable<Finding> Run(Patient patient)
    {
        var ports = PortCheck.PortsOf(patient).ToList();
        if (ports.Count == 0)
        {
            return [new Finding(Id, CheckResult.Ok, "nothing waits for others here")];
        }

        using var nftables = new Nftables();
        var rules = NftRuleset.Read(nftables.List);
        return ports.Select(p => rules.BlockerOf(p.IsTcp, p.Port) is { } chain
            ? new Finding(
                Id,
                CheckResult.Failure,
                $"{(p.IsTcp ? "TCP" : "UDP")} port {p.Port}: the firewall of this host ({chain}) lets nothing in",
                $"sudo nft insert rule {chain} {(p.IsTcp ? "tcp" : "udp")} dport {p.Port} accept",
                p.Subject)
            : new Finding(Id, CheckResult.Ok, $"no firewall of this host keeps others from {(p.IsTcp ? "TCP" : "UDP")} port {p.Port}", Subject: p.Subject));
    }
}
