// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output;

/// <summary>
/// The API's enumerations as words for programs: the value's name in protos/, lower-case, without the prefix. Null for
/// a value that is unspecified, or that only a newer daemon knows. Written out, since the descriptors that know the
/// names take longer to load than the whole command runs.
/// </summary>
internal static class Words
{
    /// <summary>Which end of a tunnel.</summary>
    public static string? Of(TunnelMode mode) =>
        mode switch
        {
            TunnelMode.Server => "server",
            TunnelMode.Client => "client",
            TunnelMode.Peer => "peer",
            _ => null,
        };

    /// <summary>What a tunnel speaks.</summary>
    public static string? Of(TunnelProtocol protocol) =>
        protocol switch
        {
            TunnelProtocol.Classic => "classic",
            TunnelProtocol.Wireguard => "wireguard",
            _ => null,
        };

    /// <summary>How the link to a peer is.</summary>
    public static string? Of(PeerState state) =>
        state switch
        {
            PeerState.Waiting => "waiting",
            PeerState.Connecting => "connecting",
            PeerState.Connected => "connected",
            PeerState.Idle => "idle",
            PeerState.Unreachable => "unreachable",
            PeerState.Pending => "pending",
            _ => null,
        };

    /// <summary>How a tunnel is.</summary>
    public static string? Of(TunnelState state) =>
        state switch
        {
            TunnelState.Resolving => "resolving",
            TunnelState.Waiting => "waiting",
            TunnelState.Running => "running",
            TunnelState.DeviceLost => "device_lost",
            TunnelState.Failed => "failed",
            _ => null,
        };

    /// <summary>Why a packet or datagram was dropped.</summary>
    public static string? Of(DropReason reason) =>
        reason switch
        {
            DropReason.NotIpv4 => "not_ipv4",
            DropReason.Malformed => "malformed",
            DropReason.Protocol => "protocol",
            DropReason.IcmpType => "icmp_type",
            DropReason.Port => "port",
            DropReason.NoFlow => "no_flow",
            DropReason.Fragment => "fragment",
            DropReason.FlowTableFull => "flow_table_full",
            DropReason.Magic => "magic",
            DropReason.NoPeer => "no_peer",
            DropReason.TooBig => "too_big",
            DropReason.SendFailed => "send_failed",
            DropReason.DeviceFailed => "device_failed",
            DropReason.SendBufferFull => "send_buffer_full",
            DropReason.LinkControl => "link_control",
            DropReason.SourceAddress => "source_address",
            DropReason.DestinationAddress => "destination_address",
            DropReason.PeerUnproven => "peer_unproven",
            DropReason.RoutingLoop => "routing_loop",
            DropReason.CongestionMark => "congestion_mark",
            DropReason.DeviceQueueFull => "device_queue_full",
            DropReason.SocketQueueFull => "socket_queue_full",
            DropReason.KernelRefused => "kernel_refused",
            DropReason.FragmentationNeeded => "fragmentation_needed",
            DropReason.NotAuthentic => "not_authentic",
            DropReason.Replayed => "replayed",
            DropReason.NoSession => "no_session",
            DropReason.WrongSource => "wrong_source",
            DropReason.UnknownPeer => "unknown_peer",
            DropReason.UnderLoad => "under_load",
            DropReason.WrongKey => "wrong_key",
            DropReason.HandshakeReplayed => "handshake_replayed",
            DropReason.HandshakeUnexpected => "handshake_unexpected",
            DropReason.NoRoute => "no_route",
            DropReason.QueueFull => "queue_full",
            DropReason.HandshakeFailed => "handshake_failed",
            _ => null,
        };

    /// <summary>What an MTU comes from.</summary>
    public static string? Of(MtuSource source) =>
        source switch
        {
            MtuSource.File => "file",
            MtuSource.Path => "path",
            MtuSource.Hand => "hand",
            _ => null,
        };

    /// <summary>Of a packet.</summary>
    public static string? Of(Direction direction) =>
        direction switch
        {
            Direction.Out => "out",
            Direction.In => "in",
            _ => null,
        };

    /// <summary>Where a packet was seen.</summary>
    public static string? Of(CaptureStage stage) =>
        stage switch
        {
            CaptureStage.Device => "device",
            CaptureStage.Filter => "filter",
            CaptureStage.Transport => "transport",
            CaptureStage.Socket => "socket",
            _ => null,
        };

    /// <summary>What is known of a flow of a tunnel.</summary>
    public static string? Of(FlowState state) =>
        state switch
        {
            FlowState.Closed => "closed",
            FlowState.Unanswered => "unanswered",
            FlowState.Opening => "opening",
            FlowState.Answering => "answering",
            FlowState.Answered => "answered",
            FlowState.Established => "established",
            FlowState.FinishedByOpener => "finished_by_opener",
            FlowState.FinishedByAnswerer => "finished_by_answerer",
            _ => null,
        };

    /// <summary>What a flow is made of.</summary>
    public static string? Of(TransportProtocol protocol) =>
        protocol switch
        {
            TransportProtocol.Tcp => "tcp",
            TransportProtocol.Udp => "udp",
            _ => null,
        };

    /// <summary>What kind of event.</summary>
    public static string? Of(EventKind kind) =>
        kind switch
        {
            EventKind.DaemonStarted => "daemon_started",
            EventKind.TunnelStarted => "tunnel_started",
            EventKind.TunnelStopped => "tunnel_stopped",
            EventKind.TunnelFailed => "tunnel_failed",
            EventKind.PeerAdopted => "peer_adopted",
            EventKind.PeerMoved => "peer_moved",
            EventKind.DnsChanged => "dns_changed",
            EventKind.DnsFailed => "dns_failed",
            EventKind.OffloadDisabled => "offload_disabled",
            EventKind.DeviceLost => "device_lost",
            EventKind.DeviceRecreated => "device_recreated",
            EventKind.LimitReached => "limit_reached",
            EventKind.Reloaded => "reloaded",
            EventKind.StateDamaged => "state_damaged",
            EventKind.SendingFailed => "sending_failed",
            EventKind.SenderPending => "sender_pending",
            EventKind.SenderApproved => "sender_approved",
            EventKind.SenderDenied => "sender_denied",
            EventKind.SenderGone => "sender_gone",
            EventKind.RelayStarted => "relay_started",
            EventKind.RelayStopped => "relay_stopped",
            EventKind.RelayFailed => "relay_failed",
            EventKind.RelayConnected => "relay_connected",
            EventKind.RelayDisconnected => "relay_disconnected",
            EventKind.ReceiverKeyChanged => "receiver_key_changed",
            EventKind.PeerClaimed => "peer_claimed",
            EventKind.RelayWaiting => "relay_waiting",
            EventKind.PeerUnreachable => "peer_unreachable",
            EventKind.PeerPending => "peer_pending",
            EventKind.PeerApproved => "peer_approved",
            EventKind.PeerDenied => "peer_denied",
            EventKind.PeerRemoved => "peer_removed",
            EventKind.PeerInvited => "peer_invited",
            _ => null,
        };

    /// <summary>Which bound was hit.</summary>
    public static string? Of(Limit limit) =>
        limit switch
        {
            Limit.Flows => "flows",
            Limit.FlowRate => "flow_rate",
            Limit.Queue => "queue",
            Limit.PendingSenders => "pending_senders",
            Limit.Descriptors => "descriptors",
            Limit.ReceiveBuffer => "receive_buffer",
            Limit.Streams => "streams",
            Limit.Connections => "connections",
            Limit.Tunnels => "tunnels",
            Limit.Relays => "relays",
            Limit.PendingPeers => "pending_peers",
            _ => null,
        };

    /// <summary>How much the daemon's log tells.</summary>
    public static string? Of(DaemonLogLevel level) =>
        level switch
        {
            DaemonLogLevel.Debug => "debug",
            DaemonLogLevel.Info => "info",
            _ => null,
        };

    /// <summary>How much an event matters.</summary>
    public static string? Of(EventLevel level) =>
        level switch
        {
            EventLevel.Info => "info",
            EventLevel.Warning => "warning",
            EventLevel.Error => "error",
            _ => null,
        };

    /// <summary>How grave a diagnostic is.</summary>
    public static string? Of(Severity severity) =>
        severity switch
        {
            Severity.Warning => "warning",
            Severity.Error => "error",
            _ => null,
        };

    /// <summary>What a caller may do.</summary>
    public static string? Of(Role role) =>
        role switch
        {
            Role.Connect => "connect",
            Role.Look => "look",
            Role.Operate => "operate",
            _ => null,
        };

    /// <summary>Which end of a relay.</summary>
    public static string? Of(RelayRole role) =>
        role switch
        {
            RelayRole.Receiver => "receiver",
            RelayRole.Sender => "sender",
            _ => null,
        };

    /// <summary>What a relay speaks on its TCP connection.</summary>
    public static string? Of(RelayProtocol protocol) =>
        protocol switch
        {
            RelayProtocol.Tls => "tls",
            RelayProtocol.Classic => "classic",
            _ => null,
        };

    /// <summary>Whether a sender tells its services who the client is.</summary>
    public static string? Of(ProxyProtocol proxy) =>
        proxy switch
        {
            ProxyProtocol.Off => "off",
            ProxyProtocol.V2 => "v2",
            ProxyProtocol.V2Every => "v2-every",
            _ => null,
        };

    /// <summary>How a relay is.</summary>
    public static string? Of(RelayState state) =>
        state switch
        {
            RelayState.Waiting => "waiting",
            RelayState.Connecting => "connecting",
            RelayState.Pending => "pending",
            RelayState.Running => "running",
            RelayState.Refused => "refused",
            RelayState.Failed => "failed",
            _ => null,
        };

    /// <summary>How a sender stands at its receiver.</summary>
    public static string? Of(SenderState state) =>
        state switch
        {
            SenderState.Pending => "pending",
            SenderState.Connected => "connected",
            SenderState.Approved => "approved",
            _ => null,
        };

    /// <summary>Why a relay dropped a datagram or refused a connection.</summary>
    public static string? Of(RelayDropReason reason) =>
        reason switch
        {
            RelayDropReason.NotApproved => "not_approved",
            RelayDropReason.FlowLimit => "flow_limit",
            RelayDropReason.FlowRate => "flow_rate",
            RelayDropReason.UnknownFlow => "unknown_flow",
            RelayDropReason.QueueFull => "queue_full",
            RelayDropReason.SendFailed => "send_failed",
            RelayDropReason.TooBig => "too_big",
            RelayDropReason.ProtocolError => "protocol_error",
            RelayDropReason.PendingLimit => "pending_limit",
            RelayDropReason.NoDescriptors => "no_descriptors",
            RelayDropReason.BufferFull => "buffer_full",
            RelayDropReason.OtherSource => "other_source",
            RelayDropReason.SendBufferFull => "send_buffer_full",
            RelayDropReason.ServiceRefused => "service_refused",
            RelayDropReason.ClientNotAllowed => "client_not_allowed",
            RelayDropReason.ClientRate => "client_rate",
            RelayDropReason.NoService => "no_service",
            _ => null,
        };

    /// <summary>From where a sender takes answers.</summary>
    public static string? Of(AnswersFrom answers) =>
        answers switch
        {
            AnswersFrom.Asked => "asked",
            AnswersFrom.AnyPort => "any-port",
            AnswersFrom.Any => "any",
            _ => null,
        };

    /// <summary>What became of a check.</summary>
    public static string? Of(CheckResult result) =>
        result switch
        {
            CheckResult.Ok => "ok",
            CheckResult.Warning => "warning",
            CheckResult.Failure => "failure",
            CheckResult.Skipped => "skipped",
            _ => null,
        };

    /// <summary>What a file of the configuration directory asks for.</summary>
    public static string? Of(FileAction action) =>
        action switch
        {
            FileAction.None => "none",
            FileAction.Start => "start",
            FileAction.Change => "change",
            FileAction.Restart => "restart",
            FileAction.Stop => "stop",
            FileAction.Refuse => "refuse",
            _ => null,
        };

    /// <summary>A word for people: spaces for underscores, and something to read where there is no word.</summary>
    public static string Spoken(string? word) => word?.Replace('_', ' ') ?? "unknown";
}
