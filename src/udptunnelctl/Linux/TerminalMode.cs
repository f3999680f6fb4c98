// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;

namespace UdpTunnel.Cli.Linux;

/// <summary>The kernel's <c>struct termios</c>, 36 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TerminalMode
{
    private const uint Canonical = 0x2; // ICANON
    private const uint Echo = 0x8; // ECHO
    private const uint FlowControl = 0x400; // IXON
    private const uint ReturnToNewline = 0x100; // ICRNL
    private const int LeastBytes = 6; // VMIN
    private const int Timer = 5; // VTIME

    public uint InputFlags;
    public uint OutputFlags;
    public uint ControlFlags;
    public uint LocalFlags;
    public byte Discipline;
    public fixed byte Characters[19];

    /// <summary>
    /// The same, but each key is handed over at once and not echoed. Signals (Ctrl-C, Ctrl-Z) and output stay as they
    /// were, so that whatever else writes to the terminal still looks right.
    /// </summary>
    public readonly TerminalMode KeyByKey()
    {
        var mode = this;
        mode.LocalFlags &= ~(Canonical | Echo);
        mode.InputFlags &= ~(FlowControl | ReturnToNewline);
        mode.Characters[LeastBytes] = 1;
        mode.Characters[Timer] = 0;
        return mode;
    }
}
