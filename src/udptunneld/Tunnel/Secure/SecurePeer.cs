// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Packets;
using UdpTunnel.WireGuard;

namespace UdpTunnel.Tunnel.Secure;

/// <summary>A peer of a secure tunnel: what the protocol knows of it, and what its user has said about it.</summary>
internal sealed class SecurePeer : Peer
{
    private const long SilenceBeforeSearch = 2000;

    /// <summary>What the file says of it.</summary>
    public required PeerConfig Config { get; set; }

    /// <summary>The protocol's side of it, for the worker. Its counters and moments are for any thread.</summary>
    public required WireGuard.Peer Wire { get; init; }

    /// <summary>Its place in the quarantine; null if it is a peer as others are. Set by the worker.</summary>
    public Stay? Stay { get; set; }

    /// <summary>Finds its endpoint, if that is a name; the owner's.</summary>
    public EndpointLookUp? LookUp { get; set; }

    /// <summary>A peer of which only the key is known: all else is set as a change.</summary>
    public static SecurePeer Of(PublicKey key, WireGuard.Peer wire)
    {
        var peer = new SecurePeer
        {
            Config = new PeerConfig { PublicKey = key },
            Wire = wire,
        };
        wire.Tag = peer;
        return peer;
    }

    /// <summary>
    /// Whether its name has several addresses and nothing says at this moment that the one in use works.
    /// </summary>
    /// <param name="now">Milliseconds of the protocol's clock.</param>
    public bool IsSearched(long now) =>
        LookUp is { HasSeveral: true }
        && (StateAt(now) != PeerState.Connected || now - Wire.LastReceivedAt >= SilenceBeforeSearch);

    /// <summary>Whether it was reported to be there; the owner's.</summary>
    public bool IsReported { get; set; }

    /// <summary>Whether the last handshake was given up. Written by the worker.</summary>
    public bool IsUnreachable { get; set; }

    /// <summary>Where its packets came from that are not from its networks.</summary>
    public NotedSources ForeignSources { get; } = new();

    /// <summary>What can be told of it.</summary>
    /// <param name="now">Milliseconds of the protocol's clock.</param>
    /// <param name="toTime">The wall clock's reading of one of the protocol's moments.</param>
    public PeerStatus Describe(long now, Func<long, DateTimeOffset> toTime)
    {
        var stay = Stay;
        var counters = Wire.Counters;
        var drops = new List<(DropReason Reason, long Packets)>();
        foreach (var reason in Enum.GetValues<DropReason>())
        {
            var packets = SecureDrops.Count(counters.Drops, reason);
            if (packets > 0)
            {
                drops.Add((reason, packets));
            }
        }

        return new PeerStatus
        {
            Number = Number,
            Name = Config.DisplayName,
            PublicKey = Config.PublicKey.ToString(),
            State = stay is null ? StateAt(now) : PeerState.Pending,
            Since = stay is null ? null : toTime(stay.Since),
            UsedAddresses = stay is null ? [] : [.. ForeignSources.Addresses.Select(address => address.ToString())],
            Endpoint = Current?.Endpoint.ToString() ?? "",
            AllowedIps = [.. Config.AllowedIPs.Select(prefix => prefix.ToString())],
            AllowedPorts = Config.AllowedPorts,
            LastHandshake = Wire.LastHandshakeAt < 0 ? null : toTime(Wire.LastHandshakeAt),
            LastHeard = Wire.LastReceivedAt < 0 ? null : toTime(Wire.LastReceivedAt),
            Traffic = Traffic,
            WireBytesOut = Volatile.Read(ref counters.BytesOut),
            WireBytesIn = Volatile.Read(ref counters.BytesIn),
            Handshakes = Volatile.Read(ref counters.HandshakesCompleted),
            HandshakesFailed = Volatile.Read(ref counters.HandshakesGivenUp),
            KeepalivesOut = Volatile.Read(ref counters.KeepalivesOut),
            KeepalivesIn = Volatile.Read(ref counters.KeepalivesIn),
            PathMtu = Path.OuterMtu,
            PacketMtu = Path.Mtu,
            EndpointMoves = Volatile.Read(ref counters.EndpointMoves),
            RoundTrip = Wire.LastRoundTrip < 0 ? null : TimeSpan.FromMilliseconds(Wire.LastRoundTrip),
            PersistentKeepalive = Config.PersistentKeepalive,
            HasPresharedKey = Config.PresharedKey is not null,
            WaitingPackets = Wire.Waiting,
            Drops = drops,
            Signs = DescribeSigns(),
        };
    }

    /// <summary>How the link is.</summary>
    public PeerState StateAt(long now)
    {
        var handshake = Wire.LastHandshakeAt;
        return handshake >= 0 && now - handshake < Protocol.RejectAfterTime ? PeerState.Connected
            : IsUnreachable ? PeerState.Unreachable
            : Wire.Waiting > 0 ? PeerState.Connecting
            : handshake >= 0 ? PeerState.Idle
            : PeerState.Waiting;
    }

    private PeerSigns DescribeSigns()
    {
        var signs = Wire.Signs;
        var ahead = signs.ClockAhead;
        return new PeerSigns
        {
            Answered = signs.Answered,
            Unverified = signs.Unverified,
            StaleBy = TimeSpan.FromMilliseconds(signs.StaleBy),
            ClockAhead = ahead == HandshakeSigns.Unknown ? null : TimeSpan.FromMilliseconds(ahead),
            LongestPacket = LongestPacket,
            ForeignSources = ForeignSources.Addresses,
        };
    }
}
