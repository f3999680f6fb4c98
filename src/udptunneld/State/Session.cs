using System.Net;
using UdpTunnel.Filter;

namespace UdpTunnel.State;

/// <summary>
/// What a running tunnel knows beyond its configuration and a restarted one should know too, so that connections inside it go on at once: who the
/// peer is and which flows may answer.
/// </summary>
/// <param name="Saved">When, by the wall clock: it goes on also while the machine is off.</param>
/// <param name="Peer">The peer's endpoint, or null.</param>
/// <param name="Flows">The remembered flows, with their ages at that time.</param>
internal sealed record Session(DateTimeOffset Saved, IPEndPoint? Peer, IReadOnlyList<RememberedFlow> Flows);
