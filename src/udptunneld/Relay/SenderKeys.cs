using UdpTunnel.Relay.Approval;

namespace UdpTunnel.Relay;

/// <summary>Where a receiver's approved keys are remembered.</summary>
/// <param name="Load">What was remembered.</param>
/// <param name="Save">Remembers these and no others; throws if it cannot.</param>
internal sealed record SenderKeys(Func<IReadOnlyList<ApprovedSender>> Load, Action<IReadOnlyList<ApprovedSender>> Save);
