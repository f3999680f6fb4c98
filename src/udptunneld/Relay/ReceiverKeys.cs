using UdpTunnel.Config;

namespace UdpTunnel.Relay;

/// <summary>Where a sender's receiver's key is remembered.</summary>
/// <param name="Find">The remembered key; null for none.</param>
/// <param name="Remember">Remembers a key from now on; throws if it cannot.</param>
internal sealed record ReceiverKeys(Func<KeyFingerprint?> Find, Action<KeyFingerprint> Remember);
