// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Cli.Live.Top;

/// <summary>How the rows are sorted.</summary>
internal enum TopOrder
{
    /// <summary>By name: nothing moves.</summary>
    Name,

    /// <summary>The busiest first.</summary>
    Rate,

    /// <summary>The most dropped packets first.</summary>
    Drops,

    /// <summary>The one that was silent longest first.</summary>
    Silence,
}
