// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;
using UdpTunnel.Config;
using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>
/// What is looked after once a second beside the path of packets: device, MTU, routes, what the kernel lost, what does
/// not fit, and what the log and the status tell of all that. For the host, which makes one call at a time; <see
/// cref="Describe"/> is for any thread.
/// </summary>
internal sealed class Upkeep
{
    private readonly Resources _resources;
    private readonly ITunnelProtocol _protocol;
    private readonly PacketPath _path;
    private readonly TunnelServices _services;
    private readonly WorkerNotes _notes;
    private readonly DeviceMtu _mtu;
    private readonly KernelLosses _losses;
    private readonly RouteLoop _loop;
    private readonly DeviceBinding _binding;
    private readonly Misfits _misfits;
    private readonly TunnelReport _report;
    private readonly SessionSchedule _schedule = new();
    private TrafficTotals _lastTotals;
    private long _lastTick = Environment.TickCount64;
    private StrongBox<TrafficRates> _rates = new();

    /// <param name="config">The tunnel.</param>
    /// <param name="resources">Its device and socket.</param>
    /// <param name="protocol">What it speaks.</param>
    /// <param name="path">The path of its packets.</param>
    /// <param name="services">What all tunnels share.</param>
    /// <param name="notes">What the worker has left for the log.</param>
    public Upkeep(
        TunnelConfig config,
        Resources resources,
        ITunnelProtocol protocol,
        PacketPath path,
        TunnelServices services,
        WorkerNotes notes
    )
    {
        _resources = resources;
        _protocol = protocol;
        _path = path;
        _services = services;
        _notes = notes;
        var (tun, udp, events) = (resources.Tun, resources.Udp, services.Events);
        _mtu = new DeviceMtu(tun, config, path.Paths);
        _mtu.OnDeviceMade();
        _losses = new KernelLosses(tun, udp, path.Outbound, path.Inbound);
        _loop = new RouteLoop(config.Name, events);
        _binding = new DeviceBinding(config.BindDevice, udp, config.Name, events);
        _report = new TunnelReport(config.Name, path, udp, events, services.Time);
        Routes = new AddedRoutes(config.Name, tun, protocol.HasRoute, services.Changes, events);
        _misfits = new Misfits(tun, path.Inbound, path.Rules, protocol, Routes, services.Changes);
        Device = new DeviceCare(tun, config, services.Workers.Devices, OnDeviceMade, events);
    }

    /// <summary>Makes the device again.</summary>
    public DeviceCare Device { get; }

    /// <summary>The routes that somebody has added to the device.</summary>
    public AddedRoutes Routes { get; }

    /// <summary>Looks after everything; called about once a second.</summary>
    /// <param name="config">What the tunnel does now.</param>
    /// <returns>Whether what a next run should know has changed enough to be saved.</returns>
    public bool Tick(TunnelConfig config)
    {
        var now = Environment.TickCount64;
        var totals = _path.Totals;
        Measure(now, totals);
        _services.Addresses.Refresh(now);
        Device.Tick();
        Routes.Tick(now);
        _binding.Tick(now);
        _misfits.Tick(now, config);
        _resources.Udp.FitSendBuffer(now);
        _losses.Look(now, totals);
        _mtu.Look(now, totals, _protocol.Peers);
        if (_path.Inbound.HeldFragments + _path.Outbound.HeldFragments > 0)
        {
            _path.CallSoon();
        }

        if (config.BindDevice is null)
        {
            _loop.Look(
                now,
                _protocol.Peers,
                TunnelRoutes.MarkOf(config),
                _resources.Tun.Name,
                _path.Outbound.Counters.Drops(DropReason.RoutingLoop)
            );
        }

        _protocol.Report(now);
        _report.Tick();
        _notes.Write();
        return _schedule.IsDue(now, _path.Filter.Generation, _protocol.Changes + Routes.Changes, totals);
    }

    /// <summary>Adds what was found, and the rates.</summary>
    public TunnelStatus Describe(TunnelStatus status) =>
        status with
        {
            Problem = Device.Problem,
            Mtu = _mtu.Current,
            MtuSource = _mtu.Source,
            Loop = _loop.Problem,
            Binding = _binding.Problem,
            Overlap = _misfits.Overlap,
            Misfits = _misfits.Found,
            Rates = _rates.Value,
        };

    private void Measure(long now, in TrafficTotals totals)
    {
        var elapsed = now - _lastTick;
        if (elapsed > 0)
        {
            _rates = new StrongBox<TrafficRates>(
                _rates.Value.After(_lastTotals, totals, TimeSpan.FromMilliseconds(elapsed))
            );
        }

        _lastTotals = totals;
        _lastTick = now;
    }

    /// <summary>A device that was made again gets the MTU and the routes that it had.</summary>
    private void OnDeviceMade()
    {
        _mtu.OnDeviceMade();
        _protocol.OnDeviceMade();
        Routes.Restore();
    }
}
