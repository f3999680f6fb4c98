// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Harness.Proxy;

/// <summary>What part of the datagrams is treated badly; each of them in one way only.</summary>
/// <param name="Dropped">Never arrive.</param>
/// <param name="Flipped">Arrive with one bit turned over.</param>
/// <param name="Doubled">Arrive twice.</param>
/// <param name="Swapped">Arrive after the one that was sent later.</param>
internal readonly record struct Impairment(double Dropped, double Flipped, double Doubled, double Swapped)
{
    /// <summary>The same part of each kind.</summary>
    public static Impairment OfEach(double part) => new(part, part, part, part);
}
