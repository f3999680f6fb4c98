// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Packets;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Doctor;

/// <summary>What the tunnels themselves know.</summary>
internal sealed class TunnelCheck(TimeProvider time) : ICheck
{
    /// <summary>
    /// A NAT forgets a UDP mapping that is silent for half a minute, as many do (RFC 4787 asks for two minutes, which
    /// few keep), Linux among them: the heartbeat has to come before.
    /// </summary>
    private const int LongestSafeHeartbeat = 29;

    /// <summary>More peer changes an hour than a person who moves about makes.</summary>
    private const double ManyChangesAnHour = 4;

    private static readonly TimeSpan Silence = TimeSpan.FromMinutes(3);

    /// <summary>Somebody who has just started a tunnel has not used it yet.</summary>
    private static readonly TimeSpan NewTunnel = TimeSpan.FromMinutes(1);

    /// <inheritdoc/>
    public string Id => "tunnel";

    /// <inheritdoc/>
    public IEnumerable<Finding> Run(Patient patient) => patient.Tunnels.SelectMany(Of);

    private IEnumerable<Finding> Of(TunnelStatus tunnel) =>
        tunnel.Config.Protocol == TunnelProtocol.WireGuard
            ? [.. Lost(tunnel), .. Loop(tunnel), .. Misfits(tunnel), .. Drops(tunnel)]
            : [State(tunnel), .. Loop(tunnel), .. Misfits(tunnel), Nat(tunnel), .. Drops(tunnel)];

    /// <summary>Of a secure tunnel; whether its peers are there is <see cref="PeerCheck"/>'s to say.</summary>
    private IEnumerable<Finding> Lost(TunnelStatus tunnel) =>
        tunnel.State is TunnelState.Failed or TunnelState.DeviceLost
            ?
            [
                new Finding(
                    Id,
                    CheckResult.Failure,
                    tunnel.Problem,
                    $"udptunnelctl events {tunnel.Config.Name}",
                    tunnel.Config.Name
                ),
            ]
            : [];

    private static IEnumerable<Finding> Loop(TunnelStatus tunnel) =>
        tunnel.Loop.Length == 0
            ? []
            :
            [
                new Finding(
                    "loop",
                    CheckResult.Failure,
                    tunnel.Loop[..tunnel.Loop.IndexOf(": `", StringComparison.Ordinal)],
                    tunnel.Loop.Split('`')[1],
                    tunnel.Config.Name
                ),
            ];

    private static IEnumerable<Finding> Misfits(TunnelStatus tunnel) =>
        tunnel
            .Misfits.Append(tunnel.Binding)
            .Where(text => text.Length > 0)
            .Select(text => new Finding("fit", CheckResult.Warning, text, Subject: tunnel.Config.Name));

    private Finding State(TunnelStatus tunnel)
    {
        var name = tunnel.Config.Name;
        switch (tunnel.State)
        {
            case TunnelState.Failed or TunnelState.DeviceLost:
                return new Finding(Id, CheckResult.Failure, tunnel.Problem, $"udptunnelctl events {name}", name);
            case TunnelState.Resolving:
                return new Finding(
                    Id,
                    CheckResult.Failure,
                    $"the server's name {tunnel.Config.NetworkAddress.Host} has not resolved yet",
                    Subject: name
                );
            case TunnelState.Waiting when Dropped(tunnel, DropReason.Magic) > 0:
                return new Finding(
                    Id,
                    CheckResult.Failure,
                    "no datagram had the right magic: PacketMagic differs between the two ends, or only strangers were heard",
                    "the same \"PacketMagic\" at both ends",
                    name
                );
            case TunnelState.Waiting:
                return new Finding(
                    Id,
                    CheckResult.Warning,
                    tunnel.Config.IsServer
                        ? $"no client was heard at UDP port {tunnel.LocalPort}: it does not run, or something in between drops its datagrams"
                        : $"nothing came from the server {tunnel.Peer}: no packet asked for an answer yet, it does not run, or something in between drops the datagrams",
                    tunnel.Config.IsServer
                        ? $"sudo tcpdump -ni any udp port {tunnel.LocalPort}"
                        : $"ping the server's TunnelAddress, which differs from this end's in one network ({tunnel.Config.TunnelAddress}); "
                            + "udptunnelctl doctor, at the server",
                    name
                );
        }

        var silence = tunnel.LastHeard is { } heard ? time.GetUtcNow() - heard : TimeSpan.Zero;

        // Of one end alone it cannot be seen that both have one address, or none of one network: nothing is sent then.
        if (tunnel.Config.IsServer && tunnel.Totals.PacketsIn == 0)
        {
            return new Finding(
                Id,
                time.GetUtcNow() - tunnel.Started > NewTunnel ? CheckResult.Warning : CheckResult.Ok,
                $"only heartbeats came from the peer {tunnel.Peer} so far: it had nothing to send, or cannot",
                $"different addresses of one network at both ends; here \"TunnelAddress\": \"{tunnel.Config.TunnelAddress}\"",
                name
            );
        }

        // A server sends nothing by itself, so its silence means nothing.
        return silence > Silence && tunnel.Config.IsServer
            ? new Finding(
                Id,
                CheckResult.Warning,
                $"the peer {tunnel.Peer} is silent for {silence.TotalMinutes:0} minutes",
                "udptunnelctl doctor, at the other end",
                name
            )
            : new Finding(
                Id,
                CheckResult.Ok,
                $"the peer {tunnel.Peer} was heard {Math.Max(0, silence.TotalSeconds):0} s ago",
                Subject: name
            );
    }

    private Finding Nat(TunnelStatus tunnel)
    {
        const string Id = "nat";
        var name = tunnel.Config.Name;
        if (!tunnel.Config.IsServer)
        {
            var heartbeat = tunnel.Config.HeartbeatInterval.TotalSeconds;
            return heartbeat is > 0 and <= LongestSafeHeartbeat
                ? new Finding(
                    Id,
                    CheckResult.Ok,
                    $"a heartbeat every {heartbeat:0} s keeps a NAT from forgetting",
                    Subject: name
                )
                : new Finding(
                    Id,
                    CheckResult.Warning,
                    $"{(heartbeat > 0 ? $"with a heartbeat every {heartbeat:0} s" : "without heartbeats")} a NAT may forget this host when nothing is sent",
                    $"\"HeartbeatInterval\": {TunnelConfig.DefaultHeartbeatInterval}",
                    name
                );
        }

        var hours = tunnel.Started is { } started ? Math.Max(1, (time.GetUtcNow() - started).TotalHours) : 1;
        return tunnel.PeerChanges / hours > ManyChangesAnHour
            ? new Finding(
                Id,
                CheckResult.Warning,
                $"the client's address changed {tunnel.PeerChanges} times: its NAT forgets it, two clients have one magic, or somebody replays datagrams",
                $"a shorter \"HeartbeatInterval\" at the client; udptunnelctl events {name}",
                name
            )
            : new Finding(
                Id,
                CheckResult.Ok,
                $"the client's address changed {tunnel.PeerChanges} times",
                Subject: name
            );
    }

    private static IEnumerable<Finding> Drops(TunnelStatus tunnel)
    {
        (DropReason Reason, string Message, string Remedy)[] telling =
        [
            (
                DropReason.FlowTableFull,
                "flows gave way to new ones because the flow table was full",
                "fewer flows at a time"
            ),
            (
                DropReason.SendFailed,
                "datagrams were refused by the network or by a firewall of this host",
                "sudo nft list ruleset"
            ),
            (
                DropReason.SendBufferFull,
                "packets were dropped because the network took fewer than the tunnel was given",
                "less traffic, or a faster link"
            ),
            (DropReason.TooBig, "packets were longer than a datagram can carry", "a smaller \"Mtu\""),
            (
                DropReason.FragmentationNeeded,
                "packets were longer than the path carries, and their senders were told so by ICMP",
                "programs and firewalls that listen to ICMP; or \"Mtu\": \"auto\" at both ends"
            ),
            (
                DropReason.RoutingLoop,
                "datagrams of the tunnel itself came back by its own device",
                "ip route get, with the server's address"
            ),
            (
                DropReason.DeviceQueueFull,
                "packets were lost in the device's queue, because this host sent them faster than the daemon took them",
                "fewer small packets at a time, or a longer queue: sudo ip link set DEVICE txqueuelen 65536"
            ),
            (
                DropReason.SocketQueueFull,
                "datagrams were lost in the socket's receive buffer, because they came faster than the daemon took them",
                "a host with more processor time for udptunneld; top"
            ),
            (
                DropReason.KernelRefused,
                "packets were not taken from the device by this host's network stack",
                "ip -s link show; nstat"
            ),
            (DropReason.DeviceFailed, "packets were refused by the device", "ip link show"),
        ];
        return telling
            .Where(t => Dropped(tunnel, t.Reason) > 0)
            .Select(t => new Finding(
                "drops",
                CheckResult.Warning,
                $"{Dropped(tunnel, t.Reason)} {t.Message}",
                t.Remedy,
                tunnel.Config.Name
            ));
    }

    private static long Dropped(TunnelStatus tunnel, DropReason reason) =>
        tunnel.Drops.Where(d => d.Reason == reason).Sum(d => d.Packets);
}
