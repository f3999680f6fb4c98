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
        var hasLegacy = LegacyIptables.HasInputRules();
        return ports.Select(p => FindingOf(p, rules, hasLegacy));
    }

    private Finding FindingOf(ListeningPort port, NftRuleset rules, bool hasLegacy)
    {
        var protocol = port.IsTcp ? "tcp" : "udp";
        var name = $"{protocol.ToUpperInvariant()} port {port.Port}";
        if (rules.BlockerOf(port.IsTcp, port.Port) is { } chain)
        {
            return new Finding(
                Id,
                CheckResult.Failure,
                $"{name}: the firewall of this host ({chain}) lets nothing in",
                $"sudo nft insert rule {chain} {protocol} dport {port.Port} accept",
                port.Subject
            );
        }

        return hasLegacy
            ? new Finding(
                Id,
                CheckResult.Warning,
                $"{name}: iptables-legacy has rules for what comes in, which are not looked at; see whether they let it in",
                $"sudo iptables-legacy -C INPUT -p {protocol} --dport {port.Port} -j ACCEPT || sudo iptables-legacy -I INPUT -p {protocol} --dport {port.Port} -j ACCEPT",
                port.Subject
            )
            : new Finding(
                Id,
                CheckResult.Ok,
                $"no firewall of this host keeps others from {name}",
                Subject: port.Subject
            );
    }
}
