// SPDX-License-Identifier: BSD-3-Clause

using System.Collections.Concurrent;
using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Linux;

namespace UdpTunnel.Tunnel;

/// <summary>Makes the device of a tunnel again that somebody has deleted, with everything that belongs to it.</summary>
/// <param name="tun">The device.</param>
/// <param name="config">The tunnel.</param>
/// <param name="devices">Numbers of the devices of all tunnels, and whose they are.</param>
/// <param name="complete">Gives the device what its making does not.</param>
/// <param name="events">Where it is reported.</param>
internal sealed class DeviceCare(
    ITun tun,
    TunnelConfig config,
    ConcurrentDictionary<int, string> devices,
    Action complete,
    EventLog events
)
{
    private Watch? _watch;
    private volatile bool _isLost;
    private volatile string _problem = "";

    /// <summary>Why there is no device; empty if there is one.</summary>
    public string Problem => _problem;

    /// <summary>Whether there is no device.</summary>
    public bool IsLost => _isLost;

    /// <summary>
    /// The device is gone. On the worker's thread: the rest takes locks and time, for which others should not wait.
    /// </summary>
    public void OnLost(Watch watch)
    {
        watch.Pause();
        _watch = watch;
        _isLost = true;
    }

    /// <summary>Called about once a second: tries until there is a device.</summary>
    public void Tick()
    {
        if (!_isLost)
        {
            return;
        }

        if (_problem.Length == 0)
        {
            _problem = $"device {tun.Name} is gone";
            events.Add(
                EventKind.DeviceLost,
                EventLevel.Error,
                config.Name,
                $"{_problem}; making it again",
                new EventFacts { Device = tun.Name, Problem = _problem }
            );
        }

        try
        {
            tun.Recreate();
            devices[tun.Index] = config.Name;
            Resources.Configure(tun, config, devices);
            complete();
            _isLost = false;
            _watch?.Resume();
            _problem = "";
            events.Add(
                EventKind.DeviceRecreated,
                EventLevel.Info,
                config.Name,
                $"device {tun.Name} is there again",
                new EventFacts { Device = tun.Name }
            );
        }
        catch (LinuxException e)
        {
            _isLost = true;
            _problem = e.Message;
        }
    }
}
