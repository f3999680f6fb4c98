// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Cli.Live.Top;

/// <summary>What the keys go to.</summary>
internal enum TopMode
{
    /// <summary>The list.</summary>
    List,

    /// <summary>One tunnel or relay.</summary>
    Details,

    /// <summary>The filter is being typed.</summary>
    Filter,

    /// <summary>A decision about a sender waits to be confirmed.</summary>
    Confirm,

    /// <summary>What the keys do.</summary>
    Help,
}
