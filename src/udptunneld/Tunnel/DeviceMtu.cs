// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Linux;

namespace UdpTunnel.Tunnel;

/// <summary>What an MTU comes from. Values and names follow <c>udptunnel.v1.MtuSource</c>.</summary>
internal enum MtuSource
{
    /// <summary>The file, or what is usual where it names none.</summary>
    File = 1,

    /// <summary>The path, as the file says "auto".</summary>
    Path = 2,

    /// <summary>Somebody has set it on the device.</summary>
    Hand = 3,
}

/// <summary>
/// The MTU of a tunnel's device. With "auto" it follows the path to the peer, of several the one that carries most:
/// this host then sends packets that fit, at once and of itself. An MTU that somebody sets on the device is never
/// fought: it holds until the tunnel, or its device, is made again.
/// </summary>
/// <param name="tun">The device.</param>
/// <param name="config">The tunnel.</param>
/// <param name="paths">Finds out what the paths carry, and has to know what is of interest.</param>
internal sealed class DeviceMtu(ITun tun, TunnelConfig config, PathMtuDiscovery paths)
{
    private const long IdleMilliseconds = 5000;

    private volatile int _mtu = config.FirstMtu;
    private volatile MtuSource _source = MtuSource.File;
    private long _next;
    private TrafficTotals _totals;

    /// <summary>The MTU, in bytes. For any thread.</summary>
    public int Current => _mtu;

    /// <summary>What it comes from. For any thread.</summary>
    public MtuSource Source => _source;

    private bool Follows => config.Mtu == TunnelConfig.AutoMtu && _source != MtuSource.Hand;

    /// <summary>The device was made, with the MTU that it has first.</summary>
    public void OnDeviceMade()
    {
        _mtu = config.FirstMtu;
        _source = MtuSource.File;
        paths.SetMtu(_mtu, Follows);
    }

    /// <summary>
    /// Takes over what somebody has set, or sets what the path carries. Called about once a second; the device of an
    /// idle tunnel is looked at less often.
    /// </summary>
    /// <param name="now">Milliseconds of the monotonic clock.</param>
    /// <param name="totals">What the tunnel has carried.</param>
    /// <param name="peers">The peers.</param>
    public void Look(long now, in TrafficTotals totals, IReadOnlyList<Peer> peers)
    {
        if (now < _next && totals == _totals)
        {
            return;
        }

        _next = now + IdleMilliseconds;
        _totals = totals;
        try
        {
            if (RouteSocket.FindMtu(tun.Index) is not { } found)
            {
                // Lost, or in another network namespace.
                return;
            }

            if (found != _mtu)
            {
                _source = MtuSource.Hand;
                Take(found);
            }
            else if (Follows && LongestOf(peers) is > 0 and var longest && longest != _mtu)
            {
                RouteSocket.SetMtu(tun.Index, longest);
                _source = MtuSource.Path;
                Take(longest);
            }
        }
        catch (LinuxException)
        {
            // Asked, or set, again with the next tick.
        }
    }

    private void Take(int mtu)
    {
        _mtu = mtu;
        paths.SetMtu(mtu, Follows);
        Resources.FitSuperpackets(tun, mtu, config);
    }

    private int LongestOf(IReadOnlyList<Peer> peers)
    {
        var longest = 0;
        foreach (var peer in peers)
        {
            longest = Math.Max(longest, peer.Path.Mtu);
        }

        return longest == 0 ? 0 : Math.Max(longest, config.LeastMtu);
    }
}
