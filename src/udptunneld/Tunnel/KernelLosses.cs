// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Linux;
using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>
/// Packets of a tunnel that the kernel lost before the daemon saw them, or after it had given them away: in the
/// device's queue, in the socket's, and what the network stack did not take from the device. Asked by the tick, which
/// alone counts them; what was lost before the tunnel began is not its.
/// </summary>
/// <param name="tun">The device.</param>
/// <param name="udp">The socket.</param>
/// <param name="outbound">Counts what was lost on the way out.</param>
/// <param name="inbound">Counts what was lost on the way in.</param>
internal sealed class KernelLosses(ITun tun, IUdp udp, Outbound outbound, Inbound inbound)
{
    // A tunnel that carries nothing loses nothing, but for one whose worker is stuck.
    private const long IdleIntervalMilliseconds = 10_000;

    private TrafficTotals _totals;
    private LinkLosses _device;
    private long _refusedByDevice;
    private uint _socket = udp.ReceiveDrops;
    private long _messages;
    private long _datagrams;
    private int _link;
    private long _next;

    /// <summary>Counts what was lost since the last call.</summary>
    /// <param name="now">Milliseconds of the monotonic clock.</param>
    /// <param name="totals">What the tunnel has carried.</param>
    public void Look(long now, in TrafficTotals totals)
    {
        if (now < _next && totals == _totals)
        {
            return;
        }

        _next = now + IdleIntervalMilliseconds;
        _totals = totals;
        LookAtSocket();
        LookAtDevice();
    }

    /// <summary>
    /// The kernel counts messages, each of which may be a run of datagrams: as many as those had that came in the same
    /// time.
    /// </summary>
    private void LookAtSocket()
    {
        var socket = udp.ReceiveDrops;
        var (messages, datagrams) = inbound.Arrived;
        var arrived = Math.Max(1, messages - _messages);
        var lost = (long)(socket - _socket);
        inbound.Counters.CountDrop(
            DropReason.SocketQueueFull,
            Math.Max(lost, lost * (datagrams - _datagrams) / arrived)
        );
        _socket = socket;
        (_messages, _datagrams) = (messages, datagrams);
    }

    private void LookAtDevice()
    {
        LinkLosses losses;
        try
        {
            if (RouteSocket.FindLosses(tun.Index) is not { } found)
            {
                return;
            }

            losses = found;
        }
        catch (LinuxException)
        {
            // Asked again with the next tick.
            return;
        }

        if (tun.Index != _link)
        {
            // Another device, which begins with none.
            _link = tun.Index;
            _device = default;
        }

        outbound.Counters.CountDrop(DropReason.DeviceQueueFull, Math.Max(0, losses.Sent - _device.Sent));

        // Writes that failed are counted by those who wrote.
        var refused = inbound.Counters.Drops(DropReason.DeviceFailed);
        var lost = losses.Received - _device.Received - (refused - _refusedByDevice);
        inbound.Counters.CountDrop(DropReason.KernelRefused, Math.Max(0, lost));
        _refusedByDevice = refused;
        _device = losses;
    }
}
