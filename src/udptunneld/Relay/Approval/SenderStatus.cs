using UdpTunnel.Config;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay.Approval;

/// <summary>A sender at a receiver, as it is told.</summary>
/// <param name="Key">Its key; null if it has none.</param>
/// <param name="Address">Where it connects from.</param>
/// <param name="Relay">Name of the receiver.</param>
/// <param name="State">How it stands.</param>
/// <param name="Since">Since when.</param>
internal sealed record SenderStatus(
    KeyFingerprint? Key, string Address, string Relay, SenderState State, DateTimeOffset Since)
{
    /// <summary>Its words of itself, while it is connected.</summary>
    public Introduction Introduction { get; init; } = Introduction.None;
}
