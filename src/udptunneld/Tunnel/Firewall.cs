// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Linux;

namespace UdpTunnel.Tunnel;

/// <summary>
/// The nftables table that guards a tunnel's device with the same ports as the port filter, for IPv4 and IPv6. The
/// kernel removes it with the connection that made it, so it is there exactly as long as this object, whatever ends the
/// process.
/// </summary>
internal sealed class Firewall : IDisposable
{
    /// <summary>Connections through one device that the host's connection tracking remembers at most.</summary>
    internal const int MostConnections = 8192;

    // Each is remembered for 30 s (nf_conntrack_icmp_timeout): 3,000 entries at the most.
    private const string ForwardedEcho = "limit rate over 100/second burst 200 packets counter drop";

    private readonly Nftables _nftables = new();
    private readonly string _device;

    private Firewall(string device)
    {
        _device = device;
    }

    /// <summary>Puts the table in place.</summary>
    /// <param name="device">Name of the device, which need not exist yet.</param>
    /// <param name="ports">What may be reached through it.</param>
    /// <param name="forward">Whether packets pass that this host forwards.</param>
    /// <exception cref="FirewallException">libnftables or the kernel refuses.</exception>
    public static Firewall Install(string device, PortSet ports, bool forward)
    {
        Firewall? firewall = null;
        try
        {
            firewall = new Firewall(device);
            firewall.Run(Table(device, ports, forward), "set up");
            return firewall;
        }
        catch (LinuxException e)
        {
            throw new FirewallException(e.Message);
        }
        catch (FirewallException)
        {
            firewall?.Dispose();
            throw;
        }
    }

    /// <summary>Changes the ports; connections that exist go on.</summary>
    /// <exception cref="FirewallException">The kernel refuses; the table is as before.</exception>
    public void SetPorts(PortSet ports) =>
        Run(
            $"flush set inet {Name(_device)} ports\nadd element inet {Name(_device)} ports {{ {Elements(ports)} }}\n",
            "change"
        );

    /// <inheritdoc/>
    public void Dispose() => _nftables.Dispose();

    /// <summary>The table as nft's language says it. Pure.</summary>
    /// <remarks>
    /// The flag stands in the table's own block: to name the table once more without it would be to disown it, which
    /// the kernel refuses with EOPNOTSUPP.
    /// <para>
    /// The host's connection tracking has one table for all of it, which the peer must not fill. Echo requests to this
    /// host and their answers are not tracked at all, as they need no memory; those that are forwarded are limited,
    /// since a NAT behind needs them tracked. All other connections through the device are counted. A packet that is
    /// dropped here leaves no entry: entries are confirmed behind these chains.
    /// </para>
    /// </remarks>
    internal static string Table(string device, PortSet ports, bool forward) =>
        $$"""
            table inet {{Name(device)}} {
                flags owner

                set ports { type inet_service; flags interval; elements = { {{Elements(ports)}} }; }

                chain guard {
                    ct state { established, related } accept
                    ct state new ct count over {{MostConnections}} counter drop
                    icmp type { echo-request, echo-reply, destination-unreachable } accept
                    icmp type { time-exceeded, parameter-problem } accept
                    icmpv6 type { echo-request, echo-reply, destination-unreachable, packet-too-big } accept
                    icmpv6 type { time-exceeded, parameter-problem } accept
                    tcp dport @ports accept
                    udp dport @ports accept
                    counter drop
                }

                chain input { type filter hook input priority filter - 5; policy accept; iifname "{{device}}" jump guard; }
                chain output { type filter hook output priority filter - 5; policy accept; oifname "{{device}}" jump guard; }
                chain forward {
                    type filter hook forward priority filter - 5; policy accept;
                    iifname "{{device}}" {{(forward ? "jump guard" : "counter drop")}}
                    oifname "{{device}}" {{(forward ? "jump guard" : "counter drop")}}
                }
                chain untracked_in {
                    type filter hook prerouting priority raw; policy accept;
                    iifname "{{device}}" icmp type echo-request {{(forward ? ForwardedEcho : "notrack")}}
                    iifname "{{device}}" icmpv6 type echo-request {{(forward ? ForwardedEcho : "notrack")}}
                }
                chain untracked_out {
                    type filter hook output priority raw; policy accept;
                    oifname "{{device}}" icmp type echo-reply notrack
                    oifname "{{device}}" icmpv6 type echo-reply notrack
                }
            }

            """;

    private static string Name(string device) => $"udptunnel_{device}";

    private static string Elements(PortSet ports) =>
        string.Join(", ", ports.Select(r => r.First == r.Last ? $"{r.First}" : $"{r.First}-{r.Last}"));

    private void Run(string commands, string verb)
    {
        if (_nftables.Run(commands) is { } problem)
        {
            throw new FirewallException($"cannot {verb} the firewall table {Name(_device)}: {problem}");
        }
    }
}

/// <summary>The firewall table that a tunnel asks for cannot be had; the message says why.</summary>
internal sealed class FirewallException(string message) : Exception(message);
