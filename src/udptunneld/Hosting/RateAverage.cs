// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Hosting;

/// <summary>How rates per second are averaged for people, of tunnels and relays alike.</summary>
internal static class RateAverage
{
    // Weight of the newest second: after five seconds a change shows in full, give or take a tenth.
    private const double Weight = 0.4;

    // The average of something long idle decays to less than this, which is no rate.
    private const double Least = 0.05;

    /// <summary>Takes the newest second into an average.</summary>
    public static double Next(double average, double newest)
    {
        var result = average + (Weight * (newest - average));
        return result < Least ? 0 : result;
    }
}
