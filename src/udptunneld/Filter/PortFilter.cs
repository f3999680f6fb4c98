// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;
using UdpTunnel.Config;
using UdpTunnel.Packets;

namespace UdpTunnel.Filter;

/// <summary>
/// The port filter of a tunnel: which packets may pass, by allowed ports and by what was seen before. Of TCP and UDP:
/// <code>
///  source allowed   destination allowed   verdict
///  yes              yes                   pass
///  no               yes                   pass, and remember the flow
///  yes              no                    pass only as the answer to a flow of the other direction that is remembered
///  no               no                    drop
/// </code>
/// Only packets of the direction that opened a flow keep it alive; its answers do not. Port 0 is a port that is never
/// allowed. Of ICMP: <see cref="IcmpRule"/>.
/// <para>
/// One thread checks the packets of both directions, the tunnel's worker. Everything else may be called from any
/// thread.
/// </para>
/// </summary>
internal sealed class PortFilter : IDisposable
{
    /// <summary>Flows that each direction may have opened, unless one says otherwise.</summary>
    public const int DefaultMaxFlows = 65_536;

    private readonly FlowTable _openedOut;
    private readonly FlowTable _openedIn;
    private readonly DirectionFilter _out;
    private readonly DirectionFilter _in;
    private volatile PortBitmap _ports;

    /// <param name="ports">The allowed ports.</param>
    /// <param name="maxFlows">Flows that each direction may have opened, 1 to
    /// <see cref="FlowTable.LargestBound"/>.</param>
    /// <param name="versions">Which packets the tunnel carries.</param>
    /// <param name="lifetimes">How long flows are remembered; the default if null.</param>
    /// <exception cref="ArgumentOutOfRangeException">The bound is out of range.</exception>
    public PortFilter(
        PortSet ports,
        int maxFlows = DefaultMaxFlows,
        IpVersions versions = IpVersions.V4,
        FlowLifetimes? lifetimes = null
    )
    {
        _ports = new PortBitmap(ports);
        _openedOut = new FlowTable(maxFlows, lifetimes);
        _openedIn = new FlowTable(maxFlows, lifetimes);
        _out = new DirectionFilter(_openedOut, _openedIn, versions);
        _in = new DirectionFilter(_openedIn, _openedOut, versions);
    }

    /// <summary>
    /// The allowed ports. A change holds from the next packet on, also for flows that are remembered: those of a port
    /// that is no longer allowed stop, and go on if it is allowed again in time.
    /// </summary>
    public PortSet Ports
    {
        get => _ports.Ports;
        set => _ports = new PortBitmap(value);
    }

    /// <summary>Flows that each direction may have opened.</summary>
    public int MaxFlows => _openedOut.MaxFlows;

    /// <summary>Changes how long flows are remembered; also those that are remembered now.</summary>
    public void SetLifetimes(FlowLifetimes lifetimes)
    {
        _openedOut.SetLifetimes(lifetimes);
        _openedIn.SetLifetimes(lifetimes);
    }

    /// <summary>
    /// How many live flows of one direction gave way to new ones since this was asked last, because there was no room
    /// for both. For the worker.
    /// </summary>
    public int TakeDisplaced(Direction openedBy) => (openedBy == Direction.Out ? _out : _in).TakeDisplaced();

    /// <summary>Grows with each new flow, so that a saver sees whether there is anything to save.</summary>
    public long Generation => _openedOut.Generation + _openedIn.Generation;

    /// <summary>
    /// The verdict on a packet or superpacket. For the tunnel's worker; neither allocates, locks nor throws.
    /// </summary>
    /// <param name="direction">Where the packet goes.</param>
    /// <param name="packet">The packet.</param>
    /// <param name="now">
    /// Seconds of a monotonic clock, the same for both directions. They may wrap around.
    /// </param>
    /// <param name="peer">
    /// Number of the peer that it comes from or goes to: nobody answers in another one's flow.
    /// </param>
    /// <param name="peerPorts">The allowed ports of that peer; null if they are the tunnel's.</param>
    /// <returns>
    /// None if it passes, else one of NotIpv4, Malformed, Protocol, IcmpType, LinkControl, Port, NoFlow and Fragment.
    /// </returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public DropReason Check(
        Direction direction,
        in PacketView packet,
        uint now,
        ushort peer = 0,
        PortBitmap? peerPorts = null
    ) => (direction == Direction.Out ? _out : _in).Check(peerPorts ?? _ports, packet, peer, now);

    /// <summary>What the fragments of one packet have in common in a direction.</summary>
    /// <param name="direction">Where they go.</param>
    /// <param name="packet">A fragment.</param>
    /// <param name="peer">Number of the peer.</param>
    public FragmentKey FragmentKeyOf(Direction direction, in PacketView packet, ushort peer) =>
        (direction == Direction.Out ? _out : _in).KeyOf(packet, peer);

    /// <summary>
    /// Whether the tunnel carries such a packet and it is what it says it is: all that can be said without knowing
    /// whose it is.
    /// </summary>
    /// <returns>None if it is, else one of NotIpv4, Malformed and Protocol.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public DropReason CheckForm(in PacketView packet) => _out.CheckForm(packet);

    /// <summary>Flows that are remembered, of both directions. 0 after <see cref="Dispose"/>.</summary>
    /// <param name="now">Seconds of the clock of <see cref="Check"/>.</param>
    public int FlowCount(uint now) => _openedOut.Count(now) + _openedIn.Count(now);

    /// <summary>The flows that are remembered, in no order. Empty after <see cref="Dispose"/>.</summary>
    /// <param name="now">Seconds of the clock of <see cref="Check"/>.</param>
    public IReadOnlyList<RememberedFlow> Flows(uint now)
    {
        var flows = new List<RememberedFlow>(FlowCount(now));
        _openedOut.AddTo(flows, Direction.Out, now);
        _openedIn.AddTo(flows, Direction.In, now);
        return flows;
    }

    /// <summary>
    /// Remembers a flow of before a restart, so that its answers still pass. Only before the worker checks packets.
    /// </summary>
    /// <param name="flow">As <see cref="Flows"/> gave it, its age increased by the time since then.</param>
    /// <param name="now">Seconds of the clock of <see cref="Check"/>.</param>
    /// <returns>False if it is too old by now, or no flow of TCP or UDP to a port.</returns>
    public bool Restore(RememberedFlow flow, uint now)
    {
        bool isUdp = flow.State is FlowState.Unanswered or FlowState.Answered;
        if (flow.Flow.Protocol != (isUdp ? Ipv4Header.Udp : Ipv4Header.Tcp) || flow.Flow.DestinationPort == 0)
        {
            return false;
        }

        FlowTable opened = flow.OpenedBy == Direction.Out ? _openedOut : _openedIn;
        return opened.Restore(new FlowKey(flow.Flow, flow.Peer), flow.State, flow.Age, now);
    }

    /// <summary>Frees the flow tables. The worker must be done.</summary>
    public void Dispose()
    {
        _openedOut.Dispose();
        _openedIn.Dispose();
    }
}
