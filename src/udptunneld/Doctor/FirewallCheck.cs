// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.NetworkInformation;
using UdpTunnel.Linux;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Doctor;

/// <summary>
/// Whether a firewall of this host keeps others from the ports on which tunnels and relays wait, or peers from what
/// listens here.
/// </summary>
internal sealed class FirewallCheck : ICheck
{
    // Of each tunnel: one of them tells enough.
    private const int MostServices = 8;

    /// <inheritdoc/>
    public string Id => "firewall";

    /// <inheritdoc/>
    public IEnumerable<Finding> Run(Patient patient)
    {
        var ports = PortCheck.PortsOf(patient).ToList();
        var services = ServicesOf(patient).ToList();
        if (ports.Count + services.Count == 0)
        {
            return [new Finding(Id, CheckResult.Ok, "nothing waits for others here")];
        }

        using var nftables = new Nftables();
        var rules = NftRuleset.Read(nftables.List);
        var hasLegacy = LegacyIptables.HasInputRules();
        return
        [
            .. ports.Select(p => FindingOf(p, rules, hasLegacy)),
            .. services.Select(s => FindingOf(s, rules)).OfType<Finding>(),
        ];
    }

    /// <summary>What listens on this host and may be reached through a tunnel.</summary>
    private static IEnumerable<(TunnelStatus Tunnel, bool IsTcp, int Port)> ServicesOf(Patient patient)
    {
        var running = patient
            .Tunnels.Where(t => t.State is not (TunnelState.Failed or TunnelState.DeviceLost) && t.Device.Length > 0)
            .ToList();
        if (running.Count == 0)
        {
            return [];
        }

        try
        {
            var properties = IPGlobalProperties.GetIPGlobalProperties();
            var listening = properties
                .GetActiveTcpListeners()
                .Select(l => (IsTcp: true, l.Port, l.Address))
                .Concat(properties.GetActiveUdpListeners().Select(l => (IsTcp: false, l.Port, l.Address)))
                .Where(l => !IPAddress.IsLoopback(l.Address))
                .Select(l => (l.IsTcp, l.Port))
                .Distinct()
                .ToList();
            return running.SelectMany(
                t =>
                    listening
                        .Where(l => t.LocalPort != l.Port && t.Config.AllowedPorts.Contains((ushort)l.Port))
                        .Take(MostServices),
                (tunnel, l) => (tunnel, l.IsTcp, l.Port)
            );
        }
        catch (Exception e) when (e is NetworkInformationException or IOException or UnauthorizedAccessException)
        {
            // /proc is not there, or not readable.
            return [];
        }
    }

    /// <summary>Null if nothing is wrong.</summary>
    private Finding? FindingOf((TunnelStatus Tunnel, bool IsTcp, int Port) service, NftRuleset rules)
    {
        var protocol = service.IsTcp ? "tcp" : "udp";
        var device = service.Tunnel.Device;
        return rules.BlockerOf(service.IsTcp, service.Port, device) is { } chain
            ? new Finding(
                Id,
                CheckResult.Failure,
                $"{protocol.ToUpperInvariant()} port {service.Port} is allowed and listens, but the firewall of this host "
                    + $"({chain}) lets nothing to it that comes out of {device}",
                $"sudo nft insert rule {chain} iifname {device} {protocol} dport {service.Port} accept",
                service.Tunnel.Config.Name
            )
            : null;
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
