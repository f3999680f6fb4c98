// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Cli.Live;

/// <summary>Takes the terminal over for a view.</summary>
/// <param name="press">Takes each key, on any thread.</param>
/// <param name="redraw">
/// The size has changed, or the terminal shows something else: show the view again. On any thread.
/// </param>
/// <param name="keepLast">Leave the last view on the ordinary screen when the terminal is given back.</param>
internal delegate ITerminal TakeTerminal(Action<KeyPress> press, Action redraw, bool keepLast);
