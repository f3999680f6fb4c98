// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Filter;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.State;
using Session = UdpTunnel.State.Session;

namespace UdpTunnel.Tunnel;

/// <summary>All tunnels of the daemon.</summary>
internal sealed class TunnelHost : Host<TunnelConfig, TunnelEngine>
{
    /// <summary>The most tunnels. A thousand hold some 210 MB, and end in two seconds (docs/performance.md).</summary>
    public const int Capacity = 1024;

    private static readonly HostedKind Kind = new(
        "tunnel",
        Capacity,
        Fault.NoSuchTunnel,
        Limit.Tunnels,
        EventKind.TunnelStarted,
        EventKind.TunnelStopped,
        EventKind.TunnelFailed
    );

    private readonly StateStore _store;
    private readonly TunnelServices _services;

    public TunnelHost(
        StateStore store,
        HostNames names,
        EventLog events,
        TimeProvider time,
        Supervised supervised,
        HostAddresses addresses,
        NetworkChanges changes
    )
        : base(Kind, names, events, time, supervised)
    {
        _store = store;
        _services = new TunnelServices(new WorkerPool(supervised), addresses, changes, events, time);
        Peers = new TunnelPeers(Table, _store.Admitted, events, time, SetPeers);
    }

    /// <summary>A tunnel has started, stopped or changed. Raised while no other change is made.</summary>
    public event Action? Changed;

    /// <summary>The peers of all secure tunnels.</summary>
    public TunnelPeers Peers { get; }

    /// <summary>
    /// Forgets what tunnels knew that are no more, and removes what a killed process left of them; called when all of
    /// the start are there.
    /// </summary>
    public void ForgetOldSessions()
    {
        _store.ForgetSessionsExcept(Table.All.Select(e => e.Name).ToHashSet(StringComparer.Ordinal));
        TunnelRoutes.RemoveAbandoned();
    }

    /// <summary>Starts a tunnel.</summary>
    /// <exception cref="RequestException">It cannot be started; nothing is left behind.</exception>
    public async Task<TunnelStatus> StartAsync(
        TunnelConfig config,
        bool ephemeral,
        CancellationToken cancellationToken
    ) => StatusOf(await StartEntryAsync(config, ephemeral, cancellationToken));

    /// <summary>Stops a tunnel and forgets it.</summary>
    /// <returns>How it was at the end.</returns>
    /// <exception cref="RequestException">
    /// There is none of that name, or it cannot be forgotten; then it goes on.
    /// </exception>
    public Task<TunnelStatus> StopAsync(string name, CancellationToken cancellationToken) =>
        StopEntryAsync(name, StatusOf, cancellationToken);

    /// <summary>Applies another configuration to a tunnel.</summary>
    /// <param name="name">The tunnel.</param>
    /// <param name="config">What it shall do.</param>
    /// <param name="allowRestart">Also what needs it to restart.</param>
    /// <param name="cancellationToken">Ends the wait for other changes.</param>
    /// <returns>What was changed.</returns>
    /// <exception cref="RequestException">It cannot be applied; the tunnel goes on as it was.</exception>
    public async Task<IReadOnlyList<FieldChange>> ReloadAsync(
        string name,
        TunnelConfig config,
        bool allowRestart,
        CancellationToken cancellationToken
    )
    {
        using var gate = await Table.EnterAsync(cancellationToken);
        return Change(Table.Find(name), Complete(config), allowRestart);
    }

    /// <summary>Changes the ports of a tunnel; both sets may be empty.</summary>
    /// <returns>The ports that are allowed now.</returns>
    /// <exception cref="RequestException">
    /// There is none of that name, none would be left, or the change was refused.
    /// </exception>
    public async Task<PortSet> UpdatePortsAsync(
        string name,
        PortSet allow,
        PortSet deny,
        CancellationToken cancellationToken
    )
    {
        using var gate = await Table.EnterAsync(cancellationToken);
        var entry = Table.Find(name);
        var ports = entry.Config.AllowedPorts.Except(deny).Union(allow);
        if (ports.Count == 0)
        {
            throw new RequestException(
                Fault.InvalidRequest,
                "no port would be left; `udptunnelctl down` stops a tunnel"
            );
        }

        if (!ports.Equals(entry.Config.AllowedPorts))
        {
            Table.Set(ApplyLive(entry, entry.Config with { AllowedPorts = ports }));
            Events.Add(
                EventKind.Reloaded,
                EventLevel.Info,
                name,
                $"the allowed ports are {ports}{entry.FileNote}",
                new EventFacts { Fields = ["AllowedPorts"] }
            );
        }

        return ports;
    }

    /// <summary>Changes a tunnel as a program says that knows its device only, and stores it as any change.</summary>
    /// <param name="name">The tunnel.</param>
    /// <param name="change">Makes the new configuration of the one that runs, both with the private key.</param>
    /// <param name="cancellationToken">Ends the wait for other changes.</param>
    /// <exception cref="RequestException">It cannot be applied; the tunnel goes on as it was.</exception>
    public async Task ChangeAsync(
        string name,
        Func<TunnelConfig, TunnelConfig> change,
        CancellationToken cancellationToken
    )
    {
        using var gate = await Table.EnterAsync(cancellationToken);
        var entry = Table.Find(name);
        var key = KeyOf(entry.Config);
        var after = change(entry.Config with { PrivateKey = key });
        if (Equals(after.PrivateKey, key))
        {
            // One that the daemon has made stays where it is.
            after = after with { PrivateKey = entry.Config.PrivateKey };
        }

        Change(entry, after, allowRestart: true);
        Peers.KeepThoseOf(entry, after.Peers);
    }

    /// <summary>How tunnels are, in the order of their names.</summary>
    /// <param name="names">Only these, if there are any.</param>
    /// <exception cref="RequestException">A name is unknown.</exception>
    public IReadOnlyList<TunnelStatus> List(IReadOnlyCollection<string> names) =>
        [.. Table.FindAll(names).Select(StatusOf)];

    /// <summary>The tunnels that run, and their devices.</summary>
    public IReadOnlyList<(TunnelConfig Config, string Device)> Running() =>
        [.. Table.All.Where(e => e.Engine is not null).Select(e => (e.Config, e.Engine!.Device))];

    /// <summary>How those of some tunnels are that are still there.</summary>
    public IReadOnlyList<TunnelStatus> ListExisting(IReadOnlySet<string> names) =>
        [.. Table.FindExisting(names).Select(StatusOf)];

    /// <summary>The flows that a tunnel's filter remembers, in no order.</summary>
    /// <exception cref="RequestException">There is none of that name.</exception>
    public IReadOnlyList<RememberedFlow> FlowsOf(string name) => Table.Find(name).Engine?.Flows ?? [];

    /// <summary>The engine of a tunnel that runs.</summary>
    /// <exception cref="RequestException">There is none of that name, or it does not run.</exception>
    public TunnelEngine Running(string name) =>
        Table.Find(name).Engine ?? throw new RequestException(Fault.InvalidRequest, $"tunnel '{name}' does not run");

    /// <inheritdoc/>
    protected override IReadOnlyList<TunnelConfig> LoadStored() => _store.Load();

    /// <inheritdoc/>
    protected override TunnelConfig Complete(TunnelConfig config) => Peers.WithAdmitted(config);

    /// <inheritdoc/>
    protected override void Save(TunnelConfig config) => StateWriting.Try(() => _store.Save(config));

    /// <inheritdoc/>
    protected override void Unstore(string name) => StateWriting.Try(() => _store.Forget(name));

    /// <inheritdoc/>
    protected override void Forget(HostEntry<TunnelConfig, TunnelEngine> entry)
    {
        if (entry.IsStored)
        {
            Unstore(entry.Name);
        }

        _store.ForgetSession(entry.Name);
    }

    /// <inheritdoc/>
    protected override (TunnelEngine Engine, string What) Open(
        HostEntry<TunnelConfig, TunnelEngine> entry,
        object? memory
    )
    {
        var session = (Session?)memory ?? _store.LoadSession(entry.Name);
        var engine = TunnelEngine.Start(entry.Config, KeyOf(entry.Config), session, _services);
        return (engine, $"runs on device {engine.Device}");
    }

    /// <summary>
    /// What a tunnel runs with, also the private key that this daemon has made for it; null if there is none of that
    /// name.
    /// </summary>
    /// <exception cref="RequestException">The key cannot be read.</exception>
    public TunnelConfig? FindWithKey(string name) =>
        FindConfiguration(name) is TunnelConfig config ? config with { PrivateKey = KeyOf(config) } : null;

    /// <summary>
    /// The key of a file, or the one that this daemon has made for a tunnel of that name; null for a classic tunnel.
    /// </summary>
    private SecretKey? KeyOf(TunnelConfig config)
    {
        if (config.Protocol == TunnelProtocol.Classic || config.PrivateKey is not null)
        {
            return config.PrivateKey;
        }

        try
        {
            return _store.GetKey(config.Name, TunnelPeers.MakeKey);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RequestException(
                Fault.StateNotWritable,
                $"cannot keep the tunnel's private key: {e.Message}; a \"PrivateKey\" in its file does without"
            );
        }
    }

    /// <inheritdoc/>
    protected override string? FailureOf(TunnelEngine engine) => engine.Failure;

    /// <inheritdoc/>
    protected override IReadOnlyList<FieldChange> Differences(TunnelConfig before, TunnelConfig after) =>
        ConfigDiff.Between(before, after);

    /// <inheritdoc/>
    protected override object? Remember(TunnelEngine engine) => engine.Session;

    /// <inheritdoc/>
    protected override void ApplyLive(TunnelEngine engine, TunnelConfig config) => engine.Apply(config);

    /// <inheritdoc/>
    protected override void Tick(HostEntry<TunnelConfig, TunnelEngine> entry)
    {
        if (entry.Engine!.Tick())
        {
            OnStopping(entry);
        }

        Peers.EndInvitations(entry);
    }

    /// <inheritdoc/>
    protected override void OnStopping(HostEntry<TunnelConfig, TunnelEngine> entry)
    {
        if (entry.Engine is { } engine)
        {
            _store.SaveSession(entry.Name, engine.Session);
        }
    }

    /// <inheritdoc/>
    protected override void OnChanged() => Changed?.Invoke();

    /// <inheritdoc/>
    protected override void OnAllStopping(IReadOnlyList<TunnelEngine> engines)
    {
        // The kernel takes its time for each device that is closed, but not for each of many.
        if (engines.Count > 1)
        {
            LinkGroup.Remove(engines.Select(e => e.Link).OfType<int>());
        }
    }

    /// <inheritdoc/>
    protected override void OnStopped() => _services.Workers.Dispose();

    /// <summary>Gives a tunnel that runs other peers. Only for who has entered the table.</summary>
    private HostEntry<TunnelConfig, TunnelEngine> SetPeers(
        HostEntry<TunnelConfig, TunnelEngine> entry,
        IEnumerable<PeerConfig> peers
    )
    {
        var changed = ApplyLive(entry, entry.Config with { Peers = [.. peers] });
        Table.Set(changed);
        OnChanged();
        return changed;
    }

    private TunnelStatus StatusOf(HostEntry<TunnelConfig, TunnelEngine> entry)
    {
        var status = entry.Engine?.Status
            ?? new TunnelStatus
            {
                Config = entry.Config,
                Mtu = entry.Config.FirstMtu,
                State = TunnelState.Failed,
                Problem = entry.Problem,
            };
        return status with { Ephemeral = entry.IsEphemeral, File = entry.File, Peers = Peers.WithInvitations(status) };
    }
}
