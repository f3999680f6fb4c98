// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;
using UdpTunnel.Packets;

namespace UdpTunnel.Filter;

/// <summary>
/// What is known of a flow, which says how long it is remembered. In the order in which flows give way.
/// </summary>
internal enum FlowState : byte
{
    /// <summary>There is none.</summary>
    None,

    /// <summary>TCP: reset, or both ends have said that they are done.</summary>
    Closed,

    /// <summary>UDP: nobody has answered yet.</summary>
    Unanswered,

    /// <summary>TCP: nobody has answered yet.</summary>
    Opening,

    /// <summary>TCP: answered, but the end that opened it has not gone on since.</summary>
    Answering,

    /// <summary>UDP: answered.</summary>
    Answered,

    /// <summary>TCP: packets went to and fro.</summary>
    Established,

    /// <summary>TCP: the end that opened it is done; the other one may go on for hours.</summary>
    FinishedByOpener,

    /// <summary>TCP: the end that answered is done.</summary>
    FinishedByAnswerer,
}

/// <summary>
/// How the packets of a connection change its state (RFC 9293, section 3.3.2, as far as a bystander sees it). Pure.
/// </summary>
internal static class FlowStates
{
    /// <summary>How many groups of states there are that live equally long, see <see cref="GroupOf"/>.</summary>
    public const int Groups = 6;

    private static ReadOnlySpan<byte> GroupOfState => [0, 0, 1, 2, 3, 4, 5, 5, 5];

    /// <summary>The group of a state: the lower, the sooner its flows give way.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int GroupOf(FlowState state) => GroupOfState[(int)state];

    /// <summary>The state that the first packet of a flow gives it.</summary>
    /// <param name="isTcp">Whether it is TCP, else UDP.</param>
    /// <param name="flags">SYN, FIN and RST of the packet.</param>
    /// <returns>None if there is nothing to remember: nobody answers a reset.</returns>
    public static FlowState Opened(bool isTcp, byte flags) =>
        !isTcp ? FlowState.Unanswered
        : (flags & TcpHeader.Reset) != 0 ? FlowState.None
        : FlowState.Opening;

    /// <summary>The state after a packet of TCP from the end that opened the flow.</summary>
    /// <param name="state">The state before.</param>
    /// <param name="flags">SYN, FIN and RST of the packet.</param>
    public static FlowState AfterOpener(FlowState state, byte flags)
    {
        if ((flags & TcpHeader.Reset) != 0)
        {
            return FlowState.Closed;
        }

        if ((flags & TcpHeader.Syn) != 0)
        {
            // The same ports again, after the connection before. One that goes on refuses it (RFC 5961, section 4).
            return state is FlowState.Closed or FlowState.FinishedByOpener or FlowState.FinishedByAnswerer
                ? FlowState.Opening
                : state;
        }

        return state switch
        {
            FlowState.Answering or FlowState.Established when (flags & TcpHeader.Fin) != 0 =>
                FlowState.FinishedByOpener,
            FlowState.FinishedByAnswerer when (flags & TcpHeader.Fin) != 0 => FlowState.Closed,
            FlowState.Answering => FlowState.Established,
            _ => state,
        };
    }

    /// <summary>The state after a packet from the end that answers.</summary>
    /// <param name="state">The state before.</param>
    /// <param name="flags">SYN, FIN and RST of the packet; 0 for UDP.</param>
    public static FlowState AfterAnswerer(FlowState state, byte flags)
    {
        if ((flags & TcpHeader.Reset) != 0)
        {
            return FlowState.Closed;
        }

        return state switch
        {
            FlowState.Unanswered => FlowState.Answered,
            FlowState.FinishedByOpener when (flags & TcpHeader.Fin) != 0 => FlowState.Closed,
            FlowState.Opening or FlowState.Answering or FlowState.Established when (flags & TcpHeader.Fin) != 0 =>
                FlowState.FinishedByAnswerer,
            FlowState.Opening => FlowState.Answering,
            _ => state,
        };
    }
}

/// <summary>How long flows are remembered after the last packet from the end that opened them.</summary>
/// <param name="Tcp">
/// Seconds of a connection of TCP that is established. An idle one must not be forgotten before 2 h 4 min (RFC 5382,
/// section 5): hosts ask after two hours whether the other one is still there.
/// </param>
/// <param name="Udp">Seconds of a flow of UDP that was answered. RFC 4787 (section 4.3) asks for two minutes at least,
/// and recommends five.</param>
internal sealed record FlowLifetimes(uint Tcp, uint Udp)
{
    // A connection that is reset or done needs its place only for what is sent again; its last packets may be lost.
    private const uint Closed = 10;

    // The least of RFC 4787, section 4.3, and of RFC 5382, section 5.
    private const uint Unanswered = 120;
    private const uint Opening = 240;

    /// <summary>No lifetime is longer, in seconds: 30 days.</summary>
    public const uint Longest = 30 * 86_400;

    /// <summary>A day for TCP; for UDP 300 s, which is the predecessor's value.</summary>
    public static readonly FlowLifetimes Default = new(86_400, 300);

    /// <summary>Seconds of the states of a group.</summary>
    public uint Of(int group) =>
        group switch
        {
            0 => Math.Min(Closed, Tcp),
            1 => Math.Min(Unanswered, Udp),
            2 or 3 => Math.Min(Opening, Tcp),
            4 => Udp,
            _ => Tcp,
        };

    /// <summary>Seconds of a state.</summary>
    public uint Of(FlowState state) => Of(FlowStates.GroupOf(state));
}
