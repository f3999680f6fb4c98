// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Events;
using UdpTunnel.Linux;

namespace UdpTunnel.Tunnel;

/// <summary>
/// The routes that somebody has added by hand to a tunnel's device. They go with the device, so they are added again to
/// one that was made again, by this run or the next. For the host, which makes one call at a time.
/// </summary>
/// <param name="name">The tunnel.</param>
/// <param name="tun">Its device.</param>
/// <param name="isOurs">Whether a route is one that the tunnel's file asks for.</param>
/// <param name="changes">Tells when there is something to look for.</param>
/// <param name="events">Where it is reported.</param>
internal sealed class AddedRoutes(
    string name,
    ITun tun,
    Func<DeviceRoute, bool> isOurs,
    NetworkChanges changes,
    EventLog events
)
{
    /// <summary>The most that are kept: people add few, and the rest is a routing daemon's.</summary>
    internal const int Most = 256;

    // Looking costs some 20 microseconds, and more on a host with very many routes, which may change all the time.
    private const long IntervalMilliseconds = 10_000;

    private IReadOnlyList<DeviceRoute> _routes = [];
    private long _next;
    private long _seen = -1;

    /// <summary>Grows whenever there are others.</summary>
    public long Changes { get; private set; }

    /// <summary>Those that were there when somebody looked last.</summary>
    public IReadOnlyList<DeviceRoute> Current => _routes;

    /// <summary>Looks which there are, if routes have changed and nobody has looked in the last seconds.</summary>
    public void Tick(long now)
    {
        if (now >= _next)
        {
            _next = now + IntervalMilliseconds;
            var count = changes.Count;
            if (count != _seen)
            {
                _seen = count;
                Look();
            }
        }
    }

    /// <summary>Looks which there are. Without a device, or while it is down, it keeps what it knows.</summary>
    public void Look()
    {
        try
        {
            if (!RouteSocket.IsUp(tun.Index))
            {
                return;
            }

            var routes = RouteSocket.ListRoutesOf(tun.Index).Where(r => !isOurs(r)).Take(Most).ToList();
            if (RouteSocket.IsUp(tun.Index) && !routes.SequenceEqual(_routes))
            {
                _routes = routes;
                Changes++;
            }
        }
        catch (LinuxException)
        {
            // The device is gone, or is asked again in a moment.
            _seen = -1;
        }
    }

    /// <summary>Adds those of a run before.</summary>
    public void Restore(IReadOnlyList<DeviceRoute> routes)
    {
        _routes = routes;
        Restore();
    }

    /// <summary>Adds all of them to a device that was made again. What the kernel refuses is reported.</summary>
    public void Restore()
    {
        // Those on the link first: a gateway may be behind one of them.
        foreach (var route in _routes.OrderBy(r => r.Gateway is not null))
        {
            try
            {
                RouteTable.Add(tun.Index, route);
            }
            catch (LinuxException e)
            {
                if (e.Errno != Errno.Exists)
                {
                    events.Add(
                        EventKind.DeviceRecreated,
                        EventLevel.Warning,
                        name,
                        $"the route to {route.Network} that was added to {tun.Name} by hand is not there again: {e.Message}",
                        new EventFacts { Device = tun.Name, Problem = e.Message }
                    );
                }
            }
        }
    }
}
