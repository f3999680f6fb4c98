// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Hosting;

namespace UdpTunnel.Api;

/// <summary>
/// How many flows or peers an answer lists: as many as were asked for, up to a bound that keeps it at the 4 MiB that
/// most clients take.
/// </summary>
internal static class FlowLimit
{
    private const int Most = 10_000;

    /// <summary>Reads it; 0 asks for the most.</summary>
    /// <exception cref="RequestException">It is more than an answer lists.</exception>
    public static int Read(uint limit) =>
        limit switch
        {
            0 => Most,
            <= Most => (int)limit,
            _ => throw new RequestException(Fault.InvalidRequest, $"the limit must be at most {Most}"),
        };
}
