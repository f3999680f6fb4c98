// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Relay.Flows;

/// <summary>
/// Number of a flow: its slot, and how often the slot was taken, so that a late answer cannot reach the slot's next
/// client. Never 0.
/// <code>
///   0             16            32
///  +-------------+-------------+
///  | generation  | slot        |
///  +-------------+-------------+
/// </code>
/// </summary>
internal static class FlowId
{
    /// <summary>All slots that there can be.</summary>
    public const int Slots = 1 << 16;

    /// <summary>Puts a number together.</summary>
    public static uint Make(int slot, ushort generation) => ((uint)generation << 16) | (uint)slot;

    /// <summary>The slot of a number.</summary>
    public static ushort SlotOf(uint id) => (ushort)id;
}
