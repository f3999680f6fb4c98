// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Hosting;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay.Approval;

/// <summary>A sender at a receiver, as it is told.</summary>
/// <param name="Key">Its key; null if it has none.</param>
/// <param name="Address">Where it connects from.</param>
/// <param name="Relay">Name of the receiver.</param>
/// <param name="State">How it stands.</param>
/// <param name="Since">Since when.</param>
internal sealed record SenderStatus(
    KeyFingerprint? Key,
    string Address,
    string Relay,
    SenderState State,
    DateTimeOffset Since
) : ISelectable
{
    /// <inheritdoc/>
    string? ISelectable.Identity => Key?.ToString();

    /// <inheritdoc/>
    string ISelectable.Place => Relay;

    /// <inheritdoc/>
    bool ISelectable.IsMeantBy(string text) => SenderSelector.Matches(text, this);

    /// <inheritdoc/>
    bool ISelectable.IsNamedInFullBy(string text) => SenderSelector.IsFingerprintOf(text, this);

    /// <summary>Its words of itself, while it is connected.</summary>
    public Introduction Introduction { get; init; } = Introduction.None;

    /// <summary>The receiver's ports that it serves, while it is connected.</summary>
    public ServiceOffer Serves { get; init; } = ServiceOffer.None;
}

/// <summary>How a sender stands at a receiver. Values follow <c>udptunnel.v1.SenderState</c>.</summary>
internal enum SenderState
{
    Pending = 1,
    Connected = 2,
    Approved = 3,
}

/// <summary>A sender that a person approved and whose key is remembered.</summary>
/// <param name="Key">The key.</param>
/// <param name="Address">Where it connected from when it was approved, or last.</param>
/// <param name="Since">When it was approved.</param>
internal sealed record ApprovedSender(KeyFingerprint Key, string Address, DateTimeOffset Since);

/// <summary>A sender that waits for a person.</summary>
/// <param name="Applicant">The sender.</param>
/// <param name="Since">When it came, by the wall clock, for people.</param>
/// <param name="Arrived">
/// The same by the monotonic clock (<see cref="TimeProvider.GetTimestamp"/>), which decides.
/// </param>
internal sealed record WaitingSender<T>(T Applicant, DateTimeOffset Since, long Arrived)
    where T : class, IApplicant;
