// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Net;
using Google.Protobuf.WellKnownTypes;
using UdpTunnel.Config;
using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Packets;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Api;

/// <summary>
/// From the daemon's own types to the ones of the protos. Enumerations have the same numbers on both sides.
/// </summary>
internal static class Convert
{
    /// <summary>Peers that stand in a tunnel's message; a call of its own lists all.</summary>
    private const int MostPeers = 100;

    public static V1.Tunnel ToTunnel(TunnelStatus status)
    {
        var config = status.Config;
        var tunnel = new V1.Tunnel
        {
            Name = config.Name,
            Mode = ModeOf(config),
            Protocol =
                config.Protocol == TunnelProtocol.Classic ? V1.TunnelProtocol.Classic : V1.TunnelProtocol.Wireguard,
            State = (V1.TunnelState)status.State,
            Problem = status.Problem,
            Device = status.Device,
            TunnelAddress = config.TunnelAddresses.Count > 0 ? config.TunnelAddresses[0].ToString() : "",
            TunnelAddresses = { config.TunnelAddresses.Select(a => a.ToString()) },
            NetworkAddress = config.NetworkAddress == HostPort.AnyPort ? "" : config.NetworkAddress.ToString(),
            LocalPort = (uint)status.LocalPort,
            Mtu = (uint)status.Mtu,
            MtuSource = (V1.MtuSource)status.MtuSource,
            Firewall = config.Firewall,
            Ephemeral = status.Ephemeral,
            Started = ToTimestamp(status.Started),
            Peer = new V1.Peer { Endpoint = status.Peer, LastHeard = ToTimestamp(status.LastHeard) },
            Offloads = new V1.Offloads
            {
                TunTcp = status.TunOffloads.HasFlag(TunOffloads.Tcp),
                TunUdp = status.TunOffloads.HasFlag(TunOffloads.Udp),
                UdpSegment = status.UdpSegments,
                UdpGro = status.UdpMerges,
            },
            Counters = ToCounters(status),
            Rates = new V1.Rates
            {
                PacketsOutPerSecond = status.Rates.PacketsOut,
                BytesOutPerSecond = status.Rates.BytesOut,
                PacketsInPerSecond = status.Rates.PacketsIn,
                BytesInPerSecond = status.Rates.BytesIn,
            },
            HeartbeatInterval = (uint)config.HeartbeatInterval.TotalSeconds,
            File = status.File,
            PublicKey = status.PublicKey,
            PeerCount = (uint)config.Peers.Count,
            Loop = status.Loop,
            Remarks = { RemarksOf(status) },
        };
        if (config.Protocol == TunnelProtocol.WireGuard)
        {
            var lately = status.Peers.OrderByDescending(p => p.LastHeard ?? DateTimeOffset.MinValue).Take(MostPeers);
            tunnel.Peers.AddRange(lately.Select(p => ToPeer(config.Name, p)));
            tunnel.PendingPeers.AddRange(status.PendingPeers.Select(p => ToPeer(config.Name, p)));
        }
        else if (status.Peers.Count > 0)
        {
            tunnel.Peer.PathMtu = (uint)status.Peers[0].PathMtu;
            tunnel.Peer.PacketMtu = (uint)status.Peers[0].PacketMtu;
        }

        tunnel.AllowedPorts.AddRange(ToRanges(config.AllowedPorts));
        return tunnel;
    }

    private static IEnumerable<string> RemarksOf(TunnelStatus status) =>
        new[] { status.Binding, status.Overlap }.Where(text => text.Length > 0).Concat(status.Misfits);

    public static V1.TunnelPeer ToPeer(string tunnel, PeerStatus peer)
    {
        var message = new V1.TunnelPeer
        {
            Tunnel = tunnel,
            Name = peer.Name,
            PublicKey = peer.PublicKey,
            State = (V1.PeerState)peer.State,
            Endpoint = peer.Endpoint,
            LastHandshake = ToTimestamp(peer.LastHandshake),
            LastHeard = ToTimestamp(peer.LastHeard),
            AllowedIps = { peer.AllowedIps },
            Since = ToTimestamp(peer.Since),
            UsedAddresses = { peer.UsedAddresses },
            InvitedUntil = ToTimestamp(peer.InvitedUntil),
            PersistentKeepalive = (uint)peer.PersistentKeepalive.TotalSeconds,
            HasPresharedKey = peer.HasPresharedKey,
            PathMtu = (uint)peer.PathMtu,
            PacketMtu = (uint)peer.PacketMtu,
            RoundTrip = peer.RoundTrip is { } roundTrip ? Duration.FromTimeSpan(roundTrip) : null,
            Counters = new V1.PeerCounters
            {
                PacketsOut = (ulong)peer.Traffic.PacketsOut,
                BytesOut = (ulong)peer.Traffic.BytesOut,
                PacketsIn = (ulong)peer.Traffic.PacketsIn,
                BytesIn = (ulong)peer.Traffic.BytesIn,
                WireBytesOut = (ulong)peer.WireBytesOut,
                WireBytesIn = (ulong)peer.WireBytesIn,
                Handshakes = (ulong)peer.Handshakes,
                HandshakesFailed = (ulong)peer.HandshakesFailed,
                KeepalivesOut = (ulong)peer.KeepalivesOut,
                KeepalivesIn = (ulong)peer.KeepalivesIn,
                EndpointMoves = (ulong)peer.EndpointMoves,
                WaitingPackets = (uint)peer.WaitingPackets,
                Drops =
                {
                    peer.Drops.Select(d => new V1.PeerDrops
                    {
                        Reason = (V1.DropReason)d.Reason,
                        Packets = (ulong)d.Packets,
                    }),
                },
            },
        };
        if (peer.AllowedPorts is { } ports)
        {
            message.AllowedPorts.AddRange(ToRanges(ports));
        }

        return message;
    }

    public static V1.TunnelFlow ToFlow(RememberedFlow remembered)
    {
        var flow = remembered.Flow;
        return new V1.TunnelFlow
        {
            Protocol = flow.Protocol == Ipv4Header.Tcp ? V1.TransportProtocol.Tcp : V1.TransportProtocol.Udp,
            OpenedBy = (V1.Direction)remembered.OpenedBy,
            Source = ToEndpoint(flow.SourceAddress, flow.SourcePort),
            Destination = ToEndpoint(flow.DestinationAddress, flow.DestinationPort),
            Idle = new Duration { Seconds = remembered.Age },
            State = (V1.FlowState)remembered.State,
        };
    }

    public static V1.GetPacketTraceResponse ToTrace(PacketTrace trace) =>
        new()
        {
            Direction = (V1.Direction)(trace.Direction ?? 0),
            Passes = trace.Direction is not null && trace.Drop == DropReason.None,
            DropReason = (V1.DropReason)trace.Drop,
            Steps = { trace.Steps.Select(s => new V1.TraceStep { Part = s.Part, Message = s.Message }) },
        };

    public static V1.Event ToEvent(Events.Event e) =>
        new()
        {
            Sequence = e.Sequence,
            Time = Timestamp.FromDateTimeOffset(e.Time),
            Kind = (V1.EventKind)e.Kind,
            Level = (V1.EventLevel)e.Level,
            Tunnel = e.Tunnel,
            Message = e.Message,
            Limit = (V1.Limit)e.Limit,
            Peer = e.Facts.Peer,
            PublicKey = e.Facts.PublicKey,
            Endpoint = e.Facts.Endpoint,
            PreviousEndpoint = e.Facts.PreviousEndpoint,
            Device = e.Facts.Device,
            Host = e.Facts.Host,
            Problem = e.Facts.Problem,
            File = e.Facts.File,
            Fields = { e.Facts.Fields },
            Count = e.Facts.Count,
            LeftOut = e.Facts.LeftOut,
        };

    public static V1.Diagnostic ToDiagnostic(Diagnostic diagnostic) =>
        new()
        {
            Severity = diagnostic.Severity == DiagnosticSeverity.Error ? V1.Severity.Error : V1.Severity.Warning,
            Line = diagnostic.Line,
            Column = diagnostic.Column,
            Field = diagnostic.Field,
            Message = diagnostic.Message,
        };

    public static V1.Change ToChange(FieldChange change) =>
        new()
        {
            Field = change.Field,
            Before = change.Before,
            After = change.After,
            NeedsRestart = change.Effect != ChangeEffect.Live,
        };

    public static V1.Check ToCheck(Doctor.Finding finding) =>
        new()
        {
            Id = finding.Id,
            Subject = finding.Subject,
            Result = (V1.CheckResult)finding.Result,
            Message = finding.Message,
            Remedy = finding.Remedy,
        };

    public static V1.FileOutcome ToFileOutcome(Reload.FileOutcome outcome) =>
        new()
        {
            File = outcome.File,
            Name = outcome.Name,
            Action = (V1.FileAction)outcome.Action,
            Applied = outcome.Applied,
            Changes = { outcome.Changes.Select(ToChange) },
            Problem = outcome.Problem,
            Diagnostics = { outcome.Diagnostics.Select(ToDiagnostic) },
        };

    public static IEnumerable<V1.PortRange> ToRanges(PortSet ports) =>
        ports.Select(r => new V1.PortRange { First = r.First, Last = r.Last });

    private static V1.TunnelMode ModeOf(TunnelConfig config) =>
        config.Protocol == TunnelProtocol.WireGuard ? V1.TunnelMode.Peer
        : config.IsServer ? V1.TunnelMode.Server
        : V1.TunnelMode.Client;

    private static V1.Counters ToCounters(TunnelStatus status)
    {
        var counters = new V1.Counters
        {
            PacketsOut = (ulong)status.Totals.PacketsOut,
            BytesOut = (ulong)status.Totals.BytesOut,
            PacketsIn = (ulong)status.Totals.PacketsIn,
            BytesIn = (ulong)status.Totals.BytesIn,
            HeartbeatsOut = (ulong)status.HeartbeatsOut,
            HeartbeatsIn = (ulong)status.HeartbeatsIn,
            PeerChanges = (ulong)status.PeerChanges,
            DnsLookups = (ulong)status.LookUps,
            DnsFailures = (ulong)status.LookUpFailures,
            Flows = (uint)status.Flows,
        };
        counters.Drops.AddRange(
            status.Drops.Select(d => new V1.Drops
            {
                Reason = (V1.DropReason)d.Reason,
                Direction = (V1.Direction)d.Direction,
                Packets = (ulong)d.Packets,
            })
        );
        return counters;
    }

    private static string ToEndpoint(UInt128 address, ushort port)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, address);
        var ip = new IPAddress(bytes);
        return new IPEndPoint(ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip, port).ToString();
    }

    private static Timestamp? ToTimestamp(DateTimeOffset? time) =>
        time is { } t ? Timestamp.FromDateTimeOffset(t) : null;
}
