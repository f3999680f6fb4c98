using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Filter;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.State;

namespace UdpTunnel.Tunnel;

/// <summary>
/// All tunnels of the daemon. A stored tunnel that cannot start is kept as failed and tried again.
/// </summary>
internal sealed partial class TunnelHost(StateStore store, EventLog events, TimeProvider time) : IAsyncDisposable
{
    /// <summary>
    /// The most tunnels. A thousand hold a third of a gigabyte and take 22 s to end, a device after the other (docs/performance.md): four times as
    /// many would outlast the 90 s that systemd waits.
    /// </summary>
    public const int Capacity = 1024;

    private static readonly TimeSpan TickInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(5);

    // Changes wait meanwhile: 4,096 tunnels that fail, all tried every 5 s, took 23 % of a core and made callers wait for it.
    private const int RetriesPerTick = 16;

    private readonly CancellationTokenSource _stop = new();
    private readonly WorkerPool _workers = new();
    private readonly HostAddresses _addresses = new(() => RouteSocket.ListAddresses().Select(a => (a.Address, a.PrefixLength)));
    private readonly HostTable<TunnelEntry> _tunnels = new("tunnel", Capacity, Fault.NoSuchTunnel, Limit.Tunnels, new LimitReport(events, time, ""));
    private Task _ticking = Task.CompletedTask;

    /// <summary>Number of tunnels, whatever their state.</summary>
    public int Count => _tunnels.Count;

    /// <summary>The tunnels by name.</summary>
    public HostTable<TunnelEntry> Table => _tunnels;

    /// <summary>Starts what was stored.</summary>
    public async Task StartAsync()
    {
        using var gate = await _tunnels.EnterAsync(CancellationToken.None);
        foreach (var config in store.Load())
        {
            _tunnels.Set(TryStart(new TunnelEntry(config, IsEphemeral: false)));
        }

        _ticking = TickAsync();
    }

    /// <summary>Forgets what tunnels knew that are no more; called when all of the start are there.</summary>
    public void ForgetOldSessions() => store.ForgetSessionsExcept(_tunnels.All.Select(e => e.Name).ToHashSet(StringComparer.Ordinal));

    /// <summary>Starts a tunnel.</summary>
    /// <exception cref="RequestException">It cannot be started; nothing is left behind.</exception>
    public async Task<TunnelStatus> StartAsync(TunnelConfig config, bool ephemeral, CancellationToken cancellationToken)
    {
        using var gate = await _tunnels.EnterAsync(cancellationToken);
        _tunnels.RequireRoom(config.Name);
        var entry = StartEntry(new TunnelEntry(config, ephemeral), session: null);
        Keep(entry);
        _tunnels.Set(entry);
        return entry.Status;
    }

    /// <summary>Stops a tunnel and forgets it.</summary>
    /// <exception cref="RequestException">There is none of that name, or it cannot be forgotten; then it goes on.</exception>
    public async Task<TunnelStatus> StopAsync(string name, CancellationToken cancellationToken)
    {
        using var gate = await _tunnels.EnterAsync(cancellationToken);
        var entry = _tunnels.Find(name);
        if (entry.IsStored)
        {
            StateWriting.Try(() => store.Forget(name));
        }
        else
        {
            store.ForgetSession(name);
        }

        var last = entry.Status;
        _tunnels.Remove(name);
        entry.Engine?.Dispose();
        events.Add(EventKind.TunnelStopped, EventLevel.Info, name, "stopped");
        return last;
    }

    /// <summary>Compares a tunnel with another configuration.</summary>
    /// <exception cref="RequestException">There is none of that name.</exception>
    public IReadOnlyList<FieldChange> Compare(string name, TunnelConfig config) => ConfigDiff.Between(_tunnels.Find(name).Config, config);

    /// <summary>Applies another configuration to a tunnel.</summary>
    /// <param name="name">The tunnel.</param>
    /// <param name="config">What it shall do.</param>
    /// <param name="allowRestart">Also what needs it to restart.</param>
    /// <param name="cancellationToken">Ends the wait for other changes.</param>
    /// <returns>What was changed.</returns>
    /// <exception cref="RequestException">It cannot be applied; the tunnel goes on as it was.</exception>
    public async Task<IReadOnlyList<FieldChange>> ReloadAsync(
        string name, TunnelConfig config, bool allowRestart, CancellationToken cancellationToken)
    {
        using var gate = await _tunnels.EnterAsync(cancellationToken);
        return Change(_tunnels.Find(name), config, allowRestart);
    }

    /// <summary>Changes the ports of a tunnel; both sets may be empty.</summary>
    /// <returns>The ports that are allowed now.</returns>
    /// <exception cref="RequestException">There is none of that name, none would be left, or the change was refused.</exception>
    public async Task<PortSet> UpdatePortsAsync(string name, PortSet allow, PortSet deny, CancellationToken cancellationToken)
    {
        using var gate = await _tunnels.EnterAsync(cancellationToken);
        var entry = _tunnels.Find(name);
        var ports = entry.Config.AllowedPorts.Except(deny).Union(allow);
        if (ports.Count == 0)
        {
            throw new RequestException(Fault.InvalidRequest, "no port would be left; `udptunnelctl down` stops a tunnel");
        }

        if (!ports.Equals(entry.Config.AllowedPorts))
        {
            _tunnels.Set(ApplyLive(entry, entry.Config with { AllowedPorts = ports }));
            events.Add(EventKind.Reloaded, EventLevel.Info, name, $"the allowed ports are {ports}{entry.FileNote}");
        }

        return ports;
    }

    /// <summary>How tunnels are, in the order of their names.</summary>
    /// <param name="names">Only these, if there are any.</param>
    /// <exception cref="RequestException">A name is unknown.</exception>
    public IReadOnlyList<TunnelStatus> List(IReadOnlyCollection<string> names) => [.. _tunnels.FindAll(names).Select(e => e.Status)];

    /// <summary>How those of some tunnels are that are still there.</summary>
    public IReadOnlyList<TunnelStatus> ListExisting(IReadOnlySet<string> names) => [.. _tunnels.FindExisting(names).Select(e => e.Status)];

    /// <summary>The flows that a tunnel's filter remembers, in no order.</summary>
    /// <exception cref="RequestException">There is none of that name.</exception>
    public IReadOnlyList<RememberedFlow> FlowsOf(string name) => _tunnels.Find(name).Engine?.Flows ?? [];

    /// <summary>Stops all tunnels; they stay stored.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _ticking;
        using var gate = await _tunnels.EnterAsync(CancellationToken.None);
        foreach (var entry in _tunnels.All)
        {
            if (entry.Engine is { } engine)
            {
                SaveSession(entry);
                engine.Dispose();
            }
        }

        _tunnels.Clear();
        _workers.Dispose();
    }

    private TunnelEntry StartEntry(TunnelEntry entry, Session? session)
    {
        var engine = TunnelEngine.Start(entry.Config, session, _workers, _addresses, events, time);
        events.Add(EventKind.TunnelStarted, EventLevel.Info, entry.Config.Name, $"runs on device {engine.Device}");
        return entry with { Engine = engine, Problem = "" };
    }

    private TunnelEntry TryStart(TunnelEntry entry)
    {
        try
        {
            return StartEntry(entry, store.LoadSession(entry.Config.Name));
        }
        catch (RequestException e)
        {
            if (e.Message != entry.Problem)
            {
                events.Add(
                    EventKind.TunnelFailed, EventLevel.Error, entry.Config.Name, $"cannot start: {e.Message}; trying again");
            }

            return entry with { Problem = e.Message, Tried = time.GetTimestamp() };
        }
    }

    /// <summary>Stores what has just been started; where that fails it is stopped again.</summary>
    private void Keep(TunnelEntry entry)
    {
        if (!entry.IsStored)
        {
            return;
        }

        try
        {
            StateWriting.Try(() => store.Save(entry.Config));
        }
        catch (RequestException)
        {
            entry.Engine?.Dispose();
            throw;
        }
    }

    private void SaveSession(TunnelEntry entry)
    {
        if (entry.Engine is { } engine)
        {
            store.SaveSession(entry.Config.Name, engine.Session);
        }
    }

    private async Task TickAsync()
    {
        using var timer = new PeriodicTimer(TickInterval, time);
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await timer.WaitForNextTickAsync(_stop.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            // Under the gate, so that no engine goes while it is looked after.
            using var gate = await _tunnels.EnterAsync(CancellationToken.None);
            foreach (var entry in _tunnels.All)
            {
                if (entry.Engine is { } engine && engine.Tick())
                {
                    SaveSession(entry);
                }
            }

            RetryFailed();
        }
    }

    /// <summary>Tries failed tunnels again, those first that have waited longest.</summary>
    private void RetryFailed()
    {
        var due = _tunnels.All
            .Where(e => e.Engine is null && time.GetElapsedTime(e.Tried) >= RetryInterval)
            .OrderBy(e => e.Tried)
            .Take(RetriesPerTick);
        foreach (var entry in due.ToList())
        {
            _tunnels.Set(TryStart(entry));
        }
    }
}
