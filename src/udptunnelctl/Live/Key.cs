// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Cli.Live;

/// <summary>Keys that mean something to a view.</summary>
internal enum Key
{
    /// <summary>A character that can be drawn.</summary>
    Character,
    Enter,
    Escape,
    Backspace,
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,

    /// <summary>The terminal is gone; no key will follow.</summary>
    Hangup,
}
