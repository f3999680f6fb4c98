// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Cli.Live.Top;

/// <summary>
/// What a tunnel or relay carried in a second. Out is to the network or to the service, in is the reverse.
/// </summary>
internal readonly record struct TrafficRate(double BytesOut, double PacketsOut, double BytesIn, double PacketsIn)
{
    /// <summary>Bytes of both directions.</summary>
    public double Bytes => BytesOut + BytesIn;
}
