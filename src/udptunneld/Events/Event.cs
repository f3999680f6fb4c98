// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Events;

/// <summary>One thing that happened.</summary>
/// <param name="Sequence">Counts up by one from 1.</param>
/// <param name="Time">When, by the wall clock.</param>
/// <param name="Kind">What kind it is.</param>
/// <param name="Level">How much it matters.</param>
/// <param name="Tunnel">The tunnel concerned, or empty.</param>
/// <param name="Message">One sentence for a person; holds no secret.</param>
/// <param name="Limit">The bound that was hit, of <see cref="EventKind.LimitReached"/>.</param>
/// <param name="Facts">What the message says, for programs.</param>
internal sealed record Event(
    ulong Sequence,
    DateTimeOffset Time,
    EventKind Kind,
    EventLevel Level,
    string Tunnel,
    string Message,
    Limit Limit,
    EventFacts Facts
);

/// <summary>
/// What the message of an event says, part by part, for programs. Empty where the event has none of it. Holds no
/// secret.
/// </summary>
internal sealed record EventFacts
{
    /// <summary>Nothing but the message.</summary>
    public static readonly EventFacts None = new();

    /// <summary>Name of the peer of a secure tunnel.</summary>
    public string Peer { get; init; } = "";

    /// <summary>Public key of the peer in base64, or the fingerprint of the sender's or receiver's.</summary>
    public string PublicKey { get; init; } = "";

    /// <summary>Where the peer, sender or server is now: address and port.</summary>
    public string Endpoint { get; init; } = "";

    /// <summary>Where it was before, or where the one that is known is.</summary>
    public string PreviousEndpoint { get; init; } = "";

    /// <summary>Name of the network device.</summary>
    public string Device { get; init; } = "";

    /// <summary>The name that was looked up.</summary>
    public string Host { get; init; } = "";

    /// <summary>Why, where something failed or ended.</summary>
    public string Problem { get; init; } = "";

    /// <summary>The file that it is about.</summary>
    public string File { get; init; } = "";

    /// <summary>The fields of the configuration that changed.</summary>
    public IReadOnlyList<string> Fields { get; init; } = [];

    /// <summary>How often a limit was hit until now.</summary>
    public ulong Count { get; init; }

    /// <summary>How many events like it were left out before it.</summary>
    public ulong LeftOut { get; init; }
}

/// <summary>How much an event matters. Values follow <c>udptunnel.v1.EventLevel</c>.</summary>
internal enum EventLevel
{
    Info = 1,
    Warning = 2,
    Error = 3,
}

/// <summary>
/// What happened. Values and names follow <c>udptunnel.v1.EventKind</c>, where each is explained to users.
/// </summary>
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
    PeerPending = 31,
    PeerApproved = 32,
    PeerDenied = 33,
    PeerRemoved = 34,
    PeerInvited = 35,
}
