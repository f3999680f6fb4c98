using UdpTunnel.Relay;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Doctor;

/// <summary>The tunnels and relays that are looked at, as they were at the beginning.</summary>
/// <param name="Tunnels">The tunnels.</param>
/// <param name="Relays">The relays.</param>
internal sealed record Patient(IReadOnlyList<TunnelStatus> Tunnels, IReadOnlyList<RelayStatus> Relays);
