// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Events;
using UdpTunnel.Linux;

namespace UdpTunnel.Tunnel;

/// <summary>
/// Keeps a tunnel's socket on the device that its file names. The kernel knows that by its number, and a device that
/// goes and comes back (USB, Wi-Fi, a VRF) has another. For the tick.
/// </summary>
/// <param name="device">Name of the device; null for none.</param>
/// <param name="udp">The socket, on the device already.</param>
/// <param name="name">The tunnel.</param>
/// <param name="events">Where it is reported.</param>
internal sealed class DeviceBinding(string? device, IUdp udp, string name, EventLog events)
{
    private const long IntervalMilliseconds = 2000;

    private int? _index = device is null ? null : RouteSocket.FindLink(device);
    private volatile string _problem = "";
    private long _next;

    /// <summary>What is wrong; empty if nothing is. For any thread.</summary>
    public string Problem => _problem;

    /// <summary>Looks whether the device is the one that it was.</summary>
    public void Tick(long now)
    {
        if (device is null || now < _next)
        {
            return;
        }

        _next = now + IntervalMilliseconds;
        try
        {
            Look(device);
        }
        catch (LinuxException)
        {
            // Asked again in a moment.
        }
    }

    private void Look(string known)
    {
        if (RouteSocket.FindLink(known) is not { } index)
        {
            if (_problem.Length == 0)
            {
                _problem = $"the device {known} that BindDevice names is gone; the tunnel goes on when it is back";
                events.Add(
                    EventKind.SendingFailed,
                    EventLevel.Warning,
                    name,
                    _problem,
                    new EventFacts { Device = known, Problem = _problem }
                );
            }
        }
        else if (index != _index || _problem.Length > 0)
        {
            var error = udp.BindToDevice(known);
            if (error == Errno.None)
            {
                _index = index;
                _problem = "";
                events.Add(
                    EventKind.DeviceRecreated,
                    EventLevel.Info,
                    name,
                    $"device {known} is there again",
                    new EventFacts { Device = known }
                );
            }
            else
            {
                _problem = $"cannot use the device {known}: {LinuxException.TextOf(error)}";
            }
        }
    }
}
