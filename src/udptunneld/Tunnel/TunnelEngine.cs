// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Filter;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.Memory;
using UdpTunnel.State;
using UdpTunnel.Tunnel.Secure;

namespace UdpTunnel.Tunnel;

/// <summary>
/// One running tunnel: its device, socket, filter and firewall table, what it speaks, and the worker that serves it.
/// Tunnels share workers and nothing else.
/// </summary>
internal sealed class TunnelEngine : IDisposable
{
    private readonly ITunnelProtocol _protocol;
    private readonly Resources _resources;
    private readonly PacketPath _path;
    private readonly Upkeep _upkeep;
    private readonly Scope _scope;
    private readonly TunnelServices _services;
    private readonly Lock _disposing = new();
    private TunnelStatus? _lastStatus;

    private TunnelEngine(
        TunnelConfig config,
        Resources resources,
        ITunnelProtocol protocol,
        Scope scope,
        Session? session,
        TunnelServices services
    )
    {
        Config = config;
        Started = services.Time.GetUtcNow();
        _resources = resources;
        _protocol = protocol;
        _scope = scope;
        _services = services;
        var notes = new WorkerNotes(services.Events.Debug, config.Name);
        Secure?.Notes = notes;
        _path = new PacketPath(config, resources, protocol, scope, services, notes);
        _upkeep = new Upkeep(config, resources, protocol, _path, services, notes);
        if (session is not null)
        {
            Restore(session);
        }

        _path.Start(config.Name, _upkeep.Device);
        protocol.Start(_path.RunAsync);
    }

    /// <summary>What it does; only what needs no restart changes while it runs.</summary>
    public TunnelConfig Config { get; private set; }

    /// <summary>When it started.</summary>
    public DateTimeOffset Started { get; }

    /// <summary>Those who capture its packets.</summary>
    public PacketTaps Taps => _path.Taps;

    /// <summary>What it speaks, if that is the WireGuard protocol; else null.</summary>
    public SecureProtocol? Secure => _protocol as SecureProtocol;

    /// <summary>Name of the device.</summary>
    public string Device => _resources.Tun.Name;

    /// <summary>Why it carries packets no longer, after an error that nobody expected; null while it does.</summary>
    public string? Failure => _path.Failure;

    /// <summary>
    /// What a next run should know: the flows, the peers as far as they are proven to be there, and the routes that
    /// somebody has added.
    /// </summary>
    public Session Session
    {
        get
        {
            _upkeep.Routes.Look();
            var session = new Session(_services.Time.GetUtcNow(), null, Flows);
            return _protocol.Save(session) with { Routes = _upkeep.Routes.Current };
        }
    }

    /// <summary>
    /// The flows that the filter remembers, in no order; none after it was stopped. Off the packet path, which does not
    /// wait for it.
    /// </summary>
    public IReadOnlyList<RememberedFlow> Flows => _path.Filter.Flows((uint)(Environment.TickCount64 / 1000));

    /// <summary>How it is at this moment, or was when it was stopped.</summary>
    public TunnelStatus Status
    {
        get
        {
            // The counters of flows are native memory, which must not be freed while they are read.
            lock (_disposing)
            {
                return _lastStatus ?? CurrentStatus;
            }
        }
    }

    private TunnelStatus CurrentStatus
    {
        get
        {
            var status = new TunnelStatus
            {
                Config = Config,
                State = TunnelState.Running,
                Device = Device,
                Started = Started,
            };
            status = _protocol.Describe(_upkeep.Describe(_path.Describe(status)));
            return status.Problem.Length > 0 ? status with { State = TunnelState.DeviceLost } : status;
        }
    }

    /// <summary>Sets everything up and starts; when this returns the tunnel runs.</summary>
    /// <param name="config">What to do.</param>
    /// <param name="key">This end's private key, if the protocol has one.</param>
    /// <param name="session">What a run before knew, or null.</param>
    /// <param name="services">What it shares with others.</param>
    /// <exception cref="RequestException">Something was refused; nothing is left behind.</exception>
    public static TunnelEngine Start(TunnelConfig config, SecretKey? key, Session? session, TunnelServices services)
    {
        var scope = new Scope();
        try
        {
            var resources = Resources.Open(config, scope, services.Workers.Devices, services.Workers.Ports);
            services.Addresses.Refresh(Environment.TickCount64, force: true);
            var protocol = scope.Own(ProtocolOf(config, key, resources, services));
            return new TunnelEngine(config, resources, protocol, scope, session, services);
        }
        catch (IOException e)
        {
            scope.Dispose();
            throw new RequestException(Fault.System, e.Message);
        }
        catch
        {
            scope.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Changes what can be changed while packets flow: ports, networks, peers, heartbeat, lifetimes of flows, answers
    /// to dropped packets.
    /// </summary>
    /// <exception cref="RequestException">It is refused; everything is as before.</exception>
    public void Apply(TunnelConfig config)
    {
        var ports = Resources.PortsOf(config);
        var before = Resources.PortsOf(Config);
        SetFirewall(ports, before);
        try
        {
            _protocol.Apply(config);
        }
        catch (RequestException)
        {
            SetFirewall(before, ports);
            throw;
        }

        _path.Apply(config, before: Config);
        Config = config;
    }

    /// <summary>What would become of a packet now.</summary>
    /// <param name="flow">Its protocol, source and destination.</param>
    /// <exception cref="IOException">The kernel does not tell a route.</exception>
    public PacketTrace Trace(Flow flow) => PacketTrace.Of(Status, _path.Filter, _services.Addresses, flow);

    /// <summary>Sends an echo request into the tunnel and waits for its answer.</summary>
    /// <param name="source">This end's inner address.</param>
    /// <param name="destination">Who is asked; of the same family.</param>
    /// <param name="timeout">How long it waits.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<EchoResult> PingAsync(
        IPAddress source,
        IPAddress destination,
        TimeSpan timeout,
        CancellationToken cancellationToken
    )
    {
        var echo = new Echo(source, destination, (ulong)Random.Shared.NextInt64());
        Taps.Add(echo);
        try
        {
            await _path.SendAsync(echo);
            return await echo.Result.WaitAsync(timeout, _services.Time, cancellationToken);
        }
        catch (TimeoutException)
        {
            return default;
        }
        finally
        {
            Taps.Remove(echo);
        }
    }

    /// <summary>Number of the device; null while there is none.</summary>
    public int? Link => _upkeep.Device.IsLost ? null : _resources.Tun.Index;

    /// <summary>Called about once a second.</summary>
    /// <returns>Whether what <see cref="Session"/> gives has changed enough to be saved.</returns>
    public bool Tick() => _upkeep.Tick(Config);

    /// <summary>Stops: when this returns, device, socket and firewall table are gone.</summary>
    public void Dispose()
    {
        lock (_disposing)
        {
            if (_lastStatus is not null)
            {
                return;
            }

            _lastStatus = CurrentStatus;
        }

        try
        {
            _scope.Dispose();
        }
        catch (Exception e)
        {
            // What fails is one step; the others were done, and the caller has other tunnels to close.
            _services.Events.Add(
                EventKind.TunnelFailed,
                EventLevel.Error,
                Config.Name,
                $"was not closed in full: {e.Message}",
                new EventFacts { Problem = e.Message }
            );
        }
    }

    private static ITunnelProtocol ProtocolOf(
        TunnelConfig config,
        SecretKey? key,
        Resources resources,
        TunnelServices services
    )
    {
        var (tun, udp, events, time) = (resources.Tun, resources.Udp, services.Events, services.Time);
        return config.Protocol == TunnelProtocol.WireGuard
            ? new SecureProtocol(config, key!, tun, udp, events, time, BootClock.Milliseconds)
            : new ClassicProtocol(config, tun, udp, events, time);
    }

    private void SetFirewall(PortSet ports, PortSet before)
    {
        if (ports.Equals(before))
        {
            return;
        }

        try
        {
            _resources.Firewall?.SetPorts(ports);
        }
        catch (FirewallException e)
        {
            throw new RequestException(Fault.FirewallRefused, e.Message);
        }
    }

    private void Restore(Session session)
    {
        _upkeep.Routes.Restore(session.Routes);
        var numbers = _protocol.Restore(session);

        // A clock that was set back must not make flows older than they are, nor wrap their age around.
        var since = (uint)
            Math.Clamp((_services.Time.GetUtcNow() - session.Saved).TotalSeconds, 0, FlowLifetimes.Longest);
        foreach (var flow in session.Flows.OrderByDescending(f => f.Age))
        {
            if (numbers.TryGetValue(flow.Peer, out var peer))
            {
                _path.Filter.Restore(
                    flow with
                    {
                        Age = flow.Age + since,
                        Peer = peer,
                    },
                    (uint)(Environment.TickCount64 / 1000)
                );
            }
        }
    }
}
