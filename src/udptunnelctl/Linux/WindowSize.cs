// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;

namespace UdpTunnel.Cli.Linux;

/// <summary>
/// <c>struct winsize</c>. The kernel knows 0 for both on a line that nobody told it the size of, such as a serial one.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct WindowSize
{
    public ushort Rows;
    public ushort Columns;
    public ushort WidthInPixels;
    public ushort HeightInPixels;
}
