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
}
