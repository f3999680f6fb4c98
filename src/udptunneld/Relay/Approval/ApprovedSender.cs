using UdpTunnel.Config;

namespace UdpTunnel.Relay.Approval;

/// <summary>A sender that a person approved and whose key is remembered.</summary>
/// <param name="Key">The key.</param>
/// <param name="Address">Where it connected from when it was approved, or last.</param>
/// <param name="Since">When it was approved.</param>
internal sealed record ApprovedSender(KeyFingerprint Key, string Address, DateTimeOffset Since);
