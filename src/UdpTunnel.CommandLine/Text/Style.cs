// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.CommandLine;

/// <summary>How a piece of text stands out, where colour is allowed. Nothing is said by colour alone.</summary>
public enum Style
{
    /// <summary>As the rest.</summary>
    Plain,

    /// <summary>A name that the eye looks for.</summary>
    Strong,

    /// <summary>All is well.</summary>
    Good,

    /// <summary>Deserves a look.</summary>
    Warning,

    /// <summary>Does not work.</summary>
    Bad,

    /// <summary>What the next key is about.</summary>
    Selected,
}
