// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Cli.Live.Top;

/// <summary>How flows are sorted.</summary>
internal enum FlowOrder
{
    /// <summary>The one that was used last first.</summary>
    Idle,

    /// <summary>The busiest first, where flows tell how much they carry.</summary>
    Rate,

    /// <summary>By name: nothing moves.</summary>
    Name,
}
