// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>
/// What does not fit between the ends of a tunnel, or between a tunnel and its host, as packets and drops show it. For
/// people; asked by the tick. What only shows of a peer of a secure tunnel is in its <see cref="PeerSigns"/>.
/// </summary>
/// <param name="tun">The device.</param>
/// <param name="inbound">The way in.</param>
/// <param name="rules">Which saw packets with this host's own addresses.</param>
/// <param name="protocol">Which knows the peers.</param>
/// <param name="added">The routes that somebody has added.</param>
/// <param name="changes">Tells when networks of this host may overlap that did not.</param>
internal sealed class Misfits(
    ITun tun,
    Inbound inbound,
    AddressRules rules,
    ITunnelProtocol protocol,
    AddedRoutes added,
    NetworkChanges changes
)
{
    private const long IntervalMilliseconds = 5_000;

    // All addresses and routes of the host are looked at, which may change all the time.
    private const long OverlapIntervalMilliseconds = 60_000;

    private volatile IReadOnlyList<string> _found = [];
    private volatile string _overlap = "";
    private long _next;
    private long _nextOverlap;
    private (long Count, TunnelConfig? Config) _seen;

    /// <summary>What does not fit between the ends, a sentence each without its full stop. For any thread.</summary>
    public IReadOnlyList<string> Found => _found;

    /// <summary>How the tunnel's network overlaps others of this host; empty if it does not. For any thread.</summary>
    public string Overlap => _overlap;

    /// <summary>Looks, every few seconds.</summary>
    public void Tick(long now, TunnelConfig config)
    {
        if (now >= _nextOverlap)
        {
            _nextOverlap = now + OverlapIntervalMilliseconds;
            var current = (changes.Count, config);
            if (current != _seen)
            {
                _seen = current;
                LookForOverlap(config);
            }
        }

        if (now >= _next)
        {
            _next = now + IntervalMilliseconds;
            _found = config.Protocol == TunnelProtocol.Classic ? [.. Between(config)] : [.. SharedAddresses(config)];
        }
    }

    private void LookForOverlap(TunnelConfig config)
    {
        try
        {
            var overlap = config.Overlap
                ? ""
                : config
                    .TunnelAddresses.Where(a => !a.IsV6)
                    .Select(a => (Address: a, Other: NetworkOverlap.Now(a, tun.Index, _ => true)))
                    .Select(o => (o.Address, Text: o.Other.Covered.Length > 0 ? o.Other.Covered : o.Other.Shared))
                    .Where(o => o.Text.Length > 0)
                    .Select(o => $"the tunnel's network {o.Address.Network} overlaps {o.Text}")
                    .FirstOrDefault("");
            _overlap = overlap;
        }
        catch (LinuxException)
        {
            // Asked again later.
            _seen = default;
        }
    }

    /// <summary>
    /// This host's own addresses that peers of a secure tunnel sent from, because they are among their networks.
    /// </summary>
    private IEnumerable<string> SharedAddresses(TunnelConfig config)
    {
        var v4 = rules.OwnSource is not 0 and var own ? ToText(own) : null;
        foreach (var address in new[] { v4, rules.OwnSourceV6 }.OfType<IPAddress>())
        {
            var prefix = IpPrefix.Of(address, address.GetAddressBytes().Length * 8);
            var sender = config.Peers.MaxBy(peer =>
                peer.AllowedIPs.Where(n => n.Contains(prefix)).Select(n => n.Length).DefaultIfEmpty(-1).Max()
            );
            yield return $"the peer {sender?.DisplayName} sends from {address}, an address that this host has too: "
                + "one of them needs another TunnelAddress";
        }
    }

    private IEnumerable<string> Between(TunnelConfig config)
    {
        var network = config.TunnelAddress.Network;
        if (rules.OwnSource is not 0 and var own)
        {
            yield return $"the other end sends from {ToText(own)}, an address that this host has too: "
                + "one of them needs another TunnelAddress";
        }

        var inner = protocol.Peers[0].Inner;
        var sender = IpPrefix.Of(isV6: false, (ulong)inner << 32, 0, 32);
        if (
            inner != 0
            && !network.Contains(sender)
            && config.AllowedSources.Count == 0
            && !config.RouteNetworks.Any(n => n.Contains(inner))
            && !added.Current.Any(r => r.Network.Contains(sender))
        )
        {
            yield return $"the other end sends from {ToText(inner)}, which is not in this end's network {network}, "
                + "so that no answer goes back: do both ends have TunnelAddress in one network?";
        }

        if (inbound.Counters.Drops(DropReason.Port) is > 0 and var ports)
        {
            yield return $"{ports} packets came to ports that are not allowed at this end, which the other end would not "
                + "have sent if it had the same: is AllowedPorts the same at both ends?";
        }

        if (
            inbound.LargestDatagram - protocol.Transport.Headroom is var largest
            && config.Mtu != TunnelConfig.AutoMtu
            && largest > config.Mtu
        )
        {
            yield return $"packets of {largest} bytes came, and Mtu is {config.Mtu} here: is it the same at both ends?";
        }
    }

    private static IPAddress ToText(uint address) => PacketTrace.ToAddress(Flow.Mapped(address));
}
