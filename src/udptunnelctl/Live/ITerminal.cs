// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Cli.Live;

/// <summary>A terminal that a view has taken over. Disposing gives it back as it was.</summary>
internal interface ITerminal : IDisposable
{
    /// <summary>Its size now.</summary>
    TerminalSize Size { get; }

    /// <summary>Draws a view over the one before. What is below the last row is not shown.</summary>
    void Show(Screen screen);
}
