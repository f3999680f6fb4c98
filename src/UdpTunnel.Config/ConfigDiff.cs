// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;

namespace UdpTunnel.Config;

/// <summary>Compares two configurations, as <c>udptunnelctl reload</c> shows and applies it.</summary>
public static class ConfigDiff
{
    private const string ChosenByKernel = "(chosen by the kernel)";

    /// <summary>The fields in which two tunnels differ, in the order of <see cref="Configuration.ToJson"/>.</summary>
    /// <param name="before">What runs.</param>
    /// <param name="after">What shall run.</param>
    /// <returns>The changes; empty exactly when the two are equal.</returns>
    public static IReadOnlyList<FieldChange> Between(TunnelConfig before, TunnelConfig after)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        var changes = new Changes();
        changes.Compare(nameof(after.Name), before.Name, after.Name, ChangeEffect.Impossible);
        changes.Compare(nameof(after.Protocol), Protocol(before), Protocol(after));
        changes.Compare(nameof(after.TunnelAddress), Addresses(before), Addresses(after));
        changes.Compare(nameof(after.NetworkAddress), NetworkAddress(before), NetworkAddress(after));
        changes.Compare(
            nameof(after.AllowedPorts),
            $"{before.AllowedPorts}",
            $"{after.AllowedPorts}",
            ChangeEffect.Live
        );
        changes.Compare(
            nameof(after.AllowedSources),
            Networks(before.AllowedSources),
            Networks(after.AllowedSources),
            ChangeEffect.Live
        );
        changes.Compare(
            nameof(after.AllowedDestinations),
            Networks(before.AllowedDestinations),
            Networks(after.AllowedDestinations),
            ChangeEffect.Live
        );
        changes.Compare(nameof(after.TunnelDevice), Device(before), Device(after));
        changes.Compare(nameof(after.HeartbeatInterval), Heartbeat(before), Heartbeat(after), ChangeEffect.Live);
        if (before.PacketMagic != after.PacketMagic)
        {
            changes.Add(
                new FieldChange(nameof(after.PacketMagic), SecretKey.Hidden, SecretKey.Hidden, ChangeEffect.Restart)
            );
        }

        changes.Compare(nameof(after.Mtu), Mtu(before), Mtu(after));
        changes.Compare(nameof(after.Firewall), Word(before.Firewall), Word(after.Firewall));
        changes.Compare(nameof(after.Forward), Word(before.Forward), Word(after.Forward));
        changes.Compare(nameof(after.Overlap), Word(before.Overlap), Word(after.Overlap), ChangeEffect.Live);
        changes.Compare(nameof(after.Reject), Word(before.Reject), Word(after.Reject), ChangeEffect.Live);
        changes.Compare(
            nameof(after.Routes),
            Routes(before.RouteNetworks),
            Routes(after.RouteNetworks),
            ChangeEffect.Live
        );
        changes.Compare(nameof(after.BindAddress), $"{before.BindAddress}", $"{after.BindAddress}");
        changes.Compare(nameof(after.BindDevice), before.BindDevice ?? "", after.BindDevice ?? "");
        changes.Compare(nameof(after.Dscp), Number(before.Dscp), Number(after.Dscp));
        changes.Compare(nameof(after.FirewallMark), Number(before.FirewallMark), Number(after.FirewallMark));
        changes.Compare(nameof(after.FlowTableSize), Number(before.FlowTableSize), Number(after.FlowTableSize));
        changes.Compare(
            nameof(after.TcpIdleTimeout),
            Seconds(before.TcpIdleTimeout),
            Seconds(after.TcpIdleTimeout),
            ChangeEffect.Live
        );
        changes.Compare(
            nameof(after.UdpIdleTimeout),
            Seconds(before.UdpIdleTimeout),
            Seconds(after.UdpIdleTimeout),
            ChangeEffect.Live
        );
        changes.Compare(
            nameof(after.Offload),
            Choices.Text(Choices.Offload, before.Offload),
            Choices.Text(Choices.Offload, after.Offload)
        );
        CompareWireGuard(changes, before, after);
        return changes;
    }

    /// <summary>The fields in which two relays differ, in the order of <see cref="Configuration.ToJson"/>.</summary>
    /// <param name="before">What runs.</param>
    /// <param name="after">What shall run.</param>
    /// <returns>The changes; empty exactly when the two are equal.</returns>
    public static IReadOnlyList<FieldChange> Between(RelayConfig before, RelayConfig after)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        var changes = new Changes();
        changes.Compare(nameof(after.Name), before.Name, after.Name, ChangeEffect.Impossible);
        changes.Compare(
            nameof(after.Relay),
            Choices.Text(Choices.Role, before.Relay),
            Choices.Text(Choices.Role, after.Relay)
        );
        changes.Compare(nameof(after.UdpAddress), $"{before.UdpAddress}", $"{after.UdpAddress}", ChangeEffect.Live);
        changes.Compare(nameof(after.TcpAddress), $"{before.TcpAddress}", $"{after.TcpAddress}");
        changes.Compare(
            nameof(after.Protocol),
            Choices.Text(Choices.Protocol, before.Protocol),
            Choices.Text(Choices.Protocol, after.Protocol)
        );
        changes.Compare(
            nameof(after.IdleTimeout),
            Seconds(before.IdleTimeout),
            Seconds(after.IdleTimeout),
            ChangeEffect.Live
        );
        changes.Compare(nameof(after.MaxFlows), Number(before.MaxFlows), Number(after.MaxFlows), ChangeEffect.Live);
        changes.Compare(nameof(after.ReceiverKey), Key(before), Key(after), ChangeEffect.Live);
        changes.Compare(
            nameof(after.AnswersFrom),
            Choices.Text(Choices.Answers, before.AnswersFrom),
            Choices.Text(Choices.Answers, after.AnswersFrom),
            ChangeEffect.Live
        );
        changes.Compare(
            nameof(after.AllowedClients),
            Clients(before.AllowedClients),
            Clients(after.AllowedClients),
            ChangeEffect.Live
        );
        changes.Compare(
            nameof(after.ClientFlowRate),
            Rate(before.ClientFlowRate, "flows"),
            Rate(after.ClientFlowRate, "flows"),
            ChangeEffect.Live
        );
        changes.Compare(
            nameof(after.ClientByteRate),
            Rate(before.ClientByteRate, "bytes"),
            Rate(after.ClientByteRate, "bytes"),
            ChangeEffect.Live
        );
        changes.Compare(
            nameof(after.ProxyProtocol),
            Choices.Text(Choices.Proxy, before.ProxyProtocol),
            Choices.Text(Choices.Proxy, after.ProxyProtocol),
            ChangeEffect.Live
        );
        return changes;
    }

    private static void CompareWireGuard(Changes changes, TunnelConfig before, TunnelConfig after)
    {
        if (!Equals(before.PrivateKey, after.PrivateKey))
        {
            // Which one the daemon has made is known only to whom starts a tunnel.
            var isNamed = before.PrivateKey is not null && after.PrivateKey is not null;
            changes.Add(
                new FieldChange(
                    nameof(after.PrivateKey),
                    PrivateKey(before),
                    PrivateKey(after),
                    isNamed ? ChangeEffect.Live : ChangeEffect.Restart
                )
            );
        }

        changes.Compare(
            nameof(after.UnknownPeers),
            Choices.Text(Choices.UnknownPeers, before.UnknownPeers),
            Choices.Text(Choices.UnknownPeers, after.UnknownPeers),
            ChangeEffect.Live
        );
        changes.Compare(
            nameof(after.Routes),
            Choices.Text(Choices.Routes, before.Routes),
            Choices.Text(Choices.Routes, after.Routes)
        );
        changes.Compare(nameof(after.RouteTable), Table(before), Table(after));
        changes.AddRange(PeerDiff.Between(before.Peers, after.Peers));
    }

    private static string Protocol(TunnelConfig config) => Choices.Text(Choices.TunnelProtocol, config.Protocol);

    private static string Addresses(TunnelConfig config) =>
        config.TunnelAddresses.Count == 0 ? "(none)" : config.TunnelAddresses.ToString();

    private static string NetworkAddress(TunnelConfig config) =>
        config.NetworkAddress == HostPort.AnyPort ? ChosenByKernel : config.NetworkAddress.ToString();

    private static string PrivateKey(TunnelConfig config) =>
        config.PrivateKey?.ToString() ?? "(made and kept by the daemon)";

    private static string Table(TunnelConfig config) => config.RouteTable is { } table ? Number(table) : "(main)";

    private static string Mtu(TunnelConfig config) =>
        config.Mtu == TunnelConfig.AutoMtu ? Choices.Auto : Number(config.Mtu);

    private static string Device(TunnelConfig config) => config.TunnelDevice ?? ChosenByKernel;

    private static string Heartbeat(TunnelConfig config) =>
        config.HeartbeatInterval == TimeSpan.Zero ? "never" : Seconds(config.HeartbeatInterval);

    private static string Key(RelayConfig config) =>
        config.ReceiverKey?.ToString() ?? "(pinned at the first connection)";

    private static string Seconds(TimeSpan time) => $"{Number((long)time.TotalSeconds)} s";

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Networks(ValueList<Ipv4Network> networks) =>
        networks.Count == 0 ? "all" : networks.ToString();

    private static string Routes(ValueList<Ipv4Network> networks) =>
        networks.Count == 0 ? "(none)" : networks.ToString();

    private static string Clients(ValueList<IpPrefix> networks) => networks.Count == 0 ? "all" : networks.ToString();

    private static string Rate(int rate, string unit) => rate == 0 ? "any" : $"{Number(rate)} {unit} a second";

    private static string Word(bool value) => value ? "true" : "false";

    private sealed class Changes : List<FieldChange>
    {
        public void Compare(string field, string before, string after, ChangeEffect effect = ChangeEffect.Restart)
        {
            if (before != after)
            {
                Add(new FieldChange(field, before, after, effect));
            }
        }
    }
}
