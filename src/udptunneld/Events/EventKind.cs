namespace UdpTunnel.Events;

/// <summary>What happened. Values and names follow <c>udptunnel.v1.EventKind</c>, where each is explained to users.</summary>
internal enum EventKind
{
    DaemonStarted = 1,
    TunnelStarted = 2,
    TunnelStopped = 3,
    TunnelFailed = 4,
    PeerAdopted = 5,
    PeerMoved = 6,
    DnsChanged = 7,
    DnsFailed = 8,
    OffloadDisabled = 9,
    DeviceLost = 10,
    DeviceRecreated = 11,
    LimitReached = 12,
    Reloaded = 13,
    StateDamaged = 14,
    SendingFailed = 15,
    SenderPending = 16,
    SenderApproved = 17,
    SenderDenied = 18,
    SenderGone = 19,
    RelayStarted = 20,
    RelayStopped = 21,
    RelayFailed = 22,
    RelayConnected = 23,
    RelayDisconnected = 24,
    ReceiverKeyChanged = 25,
    PeerClaimed = 26,
    RelayWaiting = 27,
    PeerUnreachable = 30,
}
