// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Filter;
using UdpTunnel.Linux;

namespace UdpTunnel.State;

/// <summary>
/// What a running tunnel knows beyond its configuration and a restarted one should know too, so that connections inside
/// it go on at once: who the peers are, where they are, and which flows may answer.
/// </summary>
/// <param name="Saved">When, by the wall clock: it goes on also while the machine is off.</param>
/// <param name="Peer">The endpoint of a classic tunnel's peer, or null.</param>
/// <param name="Flows">
/// The remembered flows, with their ages at that time; their peers are numbered as in <see cref="Peers"/>.
/// </param>
internal sealed record Session(DateTimeOffset Saved, IPEndPoint? Peer, IReadOnlyList<RememberedFlow> Flows)
{
    /// <summary>The peers of a secure tunnel.</summary>
    public IReadOnlyList<SavedPeer> Peers { get; init; } = [];

    /// <summary>Routes that somebody has added to the tunnel's device by hand.</summary>
    public IReadOnlyList<DeviceRoute> Routes { get; init; } = [];
}

/// <summary>What is kept of a peer of a secure tunnel.</summary>
/// <param name="Number">What the flows call it.</param>
/// <param name="Key">Its public key in base64.</param>
/// <param name="Endpoint">Where it was last; null if that was never known.</param>
/// <param name="IsConnected">Whether there was a session with it.</param>
/// <param name="Received">
/// The greatest timestamp of its handshakes: a later one is none that was recorded before.
/// </param>
/// <param name="Sent">The greatest timestamp of ours to it.</param>
internal sealed record SavedPeer(
    ushort Number,
    string Key,
    IPEndPoint? Endpoint,
    bool IsConnected,
    SavedMoment Received,
    SavedMoment Sent
);

/// <summary>A timestamp of a handshake (TAI64N).</summary>
/// <param name="Seconds">2^62 and seconds since 1970 TAI; 0 if there was none.</param>
/// <param name="Nanoseconds">Of the second.</param>
internal readonly record struct SavedMoment(ulong Seconds, uint Nanoseconds);
