using System.Security.Cryptography;
using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Filter;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.State;
using UdpTunnel.Tunnel.Secure;
using UdpTunnel.WireGuard;
using Session = UdpTunnel.State.Session;

namespace UdpTunnel.Tunnel;

/// <summary>All tunnels of the daemon.</summary>
internal sealed class TunnelHost(
    StateStore store,
    HostNames names,
    EventLog events,
    TimeProvider time,
    Supervised supervised
) : Host<TunnelConfig, TunnelEngine>(Kind, names, events, time, supervised)
{
    /// <summary>
    /// The most tunnels. A thousand hold a third of a gigabyte and take 22 s to end, a device after the other
    /// (docs/performance.md): four times as many would outlast the 90 s that systemd waits.
    /// </summary>
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

    private readonly WorkerPool _workers = new(supervised);
    private readonly HostAddresses _addresses = new(
        () => RouteSocket.ListAddresses().Select(a => (a.Address, a.PrefixLength)),
        () => RouteSocket.ListAddressesV6().Select(a => a.Address)
    );

    /// <summary>
    /// Forgets what tunnels knew that are no more, and removes what a killed process left of them; called when all of
    /// the start are there.
    /// </summary>
    public void ForgetOldSessions()
    {
        store.ForgetSessionsExcept(Table.All.Select(e => e.Name).ToHashSet(StringComparer.Ordinal));
        PeerRoutes.RemoveAbandoned();
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
        return Change(Table.Find(name), config, allowRestart);
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
            Events.Add(EventKind.Reloaded, EventLevel.Info, name, $"the allowed ports are {ports}{entry.FileNote}");
        }

        return ports;
    }

    /// <summary>How tunnels are, in the order of their names.</summary>
    /// <param name="names">Only these, if there are any.</param>
    /// <exception cref="RequestException">A name is unknown.</exception>
    public IReadOnlyList<TunnelStatus> List(IReadOnlyCollection<string> names) =>
        [.. Table.FindAll(names).Select(StatusOf)];

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
    protected override IReadOnlyList<TunnelConfig> LoadStored() => store.Load();

    /// <inheritdoc/>
    protected override void Save(TunnelConfig config) => StateWriting.Try(() => store.Save(config));

    /// <inheritdoc/>
    protected override void Unstore(string name) => StateWriting.Try(() => store.Forget(name));

    /// <inheritdoc/>
    protected override void Forget(HostEntry<TunnelConfig, TunnelEngine> entry)
    {
        if (entry.IsStored)
        {
            Unstore(entry.Name);
        }

        store.ForgetSession(entry.Name);
    }

    /// <inheritdoc/>
    protected override (TunnelEngine Engine, string What) Open(
        HostEntry<TunnelConfig, TunnelEngine> entry,
        object? memory
    )
    {
        var session = (Session?)memory ?? store.LoadSession(entry.Name);
        var engine = TunnelEngine.Start(entry.Config, KeyOf(entry.Config), session, _workers, _addresses, Events, Time);
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
            return store.GetKey(config.Name, MakeKey);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RequestException(
                Fault.StateNotWritable,
                $"cannot keep the tunnel's private key: {e.Message}; a \"PrivateKey\" in its file does without"
            );
        }

        static SecretKey MakeKey()
        {
            Span<byte> bytes = stackalloc byte[SecretKey.Size];
            LocalIdentity.Generate(RandomSource.System, bytes);
            var made = SecretKey.FromBytes(bytes);
            CryptographicOperations.ZeroMemory(bytes);
            return made;
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
    }

    /// <inheritdoc/>
    protected override void OnStopping(HostEntry<TunnelConfig, TunnelEngine> entry)
    {
        if (entry.Engine is { } engine)
        {
            store.SaveSession(entry.Name, engine.Session);
        }
    }

    /// <inheritdoc/>
    protected override void OnStopped() => _workers.Dispose();

    private static TunnelStatus StatusOf(HostEntry<TunnelConfig, TunnelEngine> entry)
    {
        var status = entry.Engine?.Status
            ?? new TunnelStatus
            {
                Config = entry.Config,
                State = TunnelState.Failed,
                Problem = entry.Problem,
            };
        return status with { Ephemeral = entry.IsEphemeral, File = entry.File };
    }
}
