using System.Net;
using UdpTunnel.Config;

namespace UdpTunnel.Relay.Approval;

/// <summary>A sender's connection that wants to be let in.</summary>
internal interface IApplicant
{
    /// <summary>The sender's key; null if it has none (classic).</summary>
    KeyFingerprint? Key { get; }

    /// <summary>Where it connects from.</summary>
    IPEndPoint Remote { get; }

    /// <summary>
    /// Tells senders with one key apart, and is the same for all connections of one; 0 if the sender does not say it.
    /// </summary>
    ulong Instance { get; }
}
