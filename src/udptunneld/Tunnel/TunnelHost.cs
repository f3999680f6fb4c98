using System.Net;
using System.Security.Cryptography;
using UdpTunnel.Config;
using UdpTunnel.Crypto;
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

    /// <summary>A tunnel has started, stopped or changed. Raised while no other change is made.</summary>
    public event Action? Changed;

    /// <summary>
    /// Forgets what tunnels knew that are no more, and removes what a killed process left of them; called when all of
    /// the start are there.
    /// </summary>
    public void ForgetOldSessions()
    {
        store.ForgetSessionsExcept(Table.All.Select(e => e.Name).ToHashSet(StringComparer.Ordinal));
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
            Events.Add(EventKind.Reloaded, EventLevel.Info, name, $"the allowed ports are {ports}{entry.FileNote}");
        }

        return ports;
    }

    /// <summary>The peers of a tunnel, or of all, with those that wait for a person.</summary>
    /// <param name="tunnel">Empty for all.</param>
    /// <exception cref="RequestException">There is none of that name.</exception>
    public IReadOnlyList<PeerAt> PeersOf(string tunnel) =>
        [
            .. List(tunnel.Length > 0 ? [tunnel] : [])
                .Where(t => t.Config.Protocol == TunnelProtocol.WireGuard)
                .SelectMany(t => t.PendingPeers.Concat(t.Peers), (t, peer) => new PeerAt(t.Config.Name, peer)),
        ];

    /// <summary>Lets a pending peer in, at each tunnel that is meant.</summary>
    /// <param name="choice">Whom the person means.</param>
    /// <param name="approval">As what.</param>
    /// <param name="once">For as long as its session lasts; else for good.</param>
    /// <param name="cancellationToken">Ends the wait for other changes.</param>
    /// <returns>The peers that they are now.</returns>
    /// <exception cref="RequestException">
    /// There is no such peer, it does not wait, it is not clear which, or it cannot be a peer.
    /// </exception>
    public async Task<IReadOnlyList<PeerAt>> ApprovePeersAsync(
        Choice choice,
        PeerApproval approval,
        bool once,
        CancellationToken cancellationToken
    )
    {
        using var gate = await Table.EnterAsync(cancellationToken);
        var found = Selector.OneKey(
            PeerAdmission.Words,
            choice,
            PeersOf(""),
            p => p.Status.State == PeerState.Pending,
            p => $"{p.Status.Name} does not wait: it is a peer of {p.Place} already"
        );
        return [.. found.Select(p => Approve(p, approval, once))];
    }

    /// <summary>Makes a peer with a key of its own, which is taken out again if it does not come in time.</summary>
    /// <param name="tunnel">Name of the tunnel.</param>
    /// <param name="approval">As what.</param>
    /// <param name="valid">How long it may take.</param>
    /// <param name="endpoint">Where the peer finds this end; empty for an address of this host.</param>
    /// <param name="cancellationToken">Ends the wait for other changes.</param>
    /// <exception cref="RequestException">
    /// There is no such tunnel, it is not a secure one, it cannot have such a peer, or no endpoint is known.
    /// </exception>
    public async Task<Invitation> InvitePeerAsync(
        string tunnel,
        PeerApproval approval,
        TimeSpan valid,
        string endpoint,
        CancellationToken cancellationToken
    )
    {
        using var gate = await Table.EnterAsync(cancellationToken);
        var entry = Table.Find(tunnel);
        if (entry.Config.Protocol == TunnelProtocol.Classic || entry.Engine is null)
        {
            throw new RequestException(Fault.InvalidRequest, $"{tunnel} is not a secure tunnel that runs");
        }

        var (own, isPrivate) = OwnEndpoint.Of(endpoint, StatusOf(entry));
        var secret = MakeKey();
        var peer = PeerAdmission.Admit(entry.Config, X25519PrivateKey.PublicKeyOf(secret), approval, []);
        Admit(entry, new AdmittedPeer(peer, Time.GetUtcNow() + valid));
        Events.Add(
            EventKind.PeerInvited,
            EventLevel.Info,
            tunnel,
            $"the peer {peer.DisplayName} was invited with {string.Join(", ", peer.AllowedIPs)}"
        );
        var status = StatusOf(Table.Find(tunnel)).Peers.First(p => p.PublicKey == peer.PublicKey.ToString());
        return new Invitation(
            new PeerAt(tunnel, status),
            secret,
            own,
            isPrivate,
            entry.Config,
            entry.Engine.Secure!.Key
        );
    }

    /// <summary>Sends an echo request to a peer inside its tunnel, and waits for the answer.</summary>
    /// <param name="tunnel">Only a peer of this tunnel; empty for any.</param>
    /// <param name="peer">Whom the person means; empty for the tunnel's only peer.</param>
    /// <param name="address">The inner address; null for the peer's.</param>
    /// <param name="timeout">How long it waits.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="RequestException">There is no such peer, or no address that can be asked.</exception>
    public async Task<(PeerAt Peer, IPAddress Address, EchoResult Result)> PingAsync(
        string tunnel,
        string peer,
        IPAddress? address,
        TimeSpan timeout,
        CancellationToken cancellationToken
    )
    {
        var all = PeersOf(tunnel).Where(p => p.Status.State != PeerState.Pending).ToList();
        var found =
            peer.Length > 0 ? Selector.OneKey(PeerAdmission.Words, new Choice(peer, tunnel), all, _ => true, _ => "")[0]
            : all.Count == 1 ? all[0]
            : throw new RequestException(
                Fault.AmbiguousPeer,
                $"{Excerpt.Quote(tunnel)} has {all.Count} peers: say which one"
            );
        var entry = Table.Find(found.Place);
        var target = address
            ?? PeerAdmission.AddressOf(found.Status)
            ?? throw new RequestException(Fault.InvalidRequest, $"{found.Status.Name} has no inner address: say one");
        var source = entry.Config.TunnelAddresses.FirstOrDefault(a => a.Address.AddressFamily == target.AddressFamily);
        return source is null
            ? throw new RequestException(
                Fault.InvalidRequest,
                $"{found.Place} has no address of the family of {target}"
            )
            : (found, target, await Running(found.Place).PingAsync(source.Address, target, timeout, cancellationToken));
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

        var admitted = store.Admitted.Of(name);
        var kept = admitted
            .Select(a => (Before: a, Now: after.Peers.FirstOrDefault(peer => peer.PublicKey == a.Peer.PublicKey)))
            .Where(a => a.Now is not null)
            .Select(a => a.Before with { Peer = a.Before.Peer with { AllowedIPs = a.Now!.AllowedIPs } })
            .ToList();
        Change(entry, after, allowRestart: true);
        if (!kept.SequenceEqual(admitted))
        {
            Keep(entry, _ => kept);
        }
    }

    /// <summary>Sends a pending peer away, at each tunnel that is meant: it gets no answer for an hour.</summary>
    /// <exception cref="RequestException">
    /// There is no such peer, it does not wait, or it is not clear which.
    /// </exception>
    public async Task<IReadOnlyList<PeerAt>> DenyPeersAsync(Choice choice, CancellationToken cancellationToken)
    {
        using var gate = await Table.EnterAsync(cancellationToken);
        var found = Selector.OneKey(
            PeerAdmission.Words,
            choice,
            PeersOf(""),
            p => p.Status.State == PeerState.Pending,
            p => $"{p.Status.Name} does not wait: it is a peer of {p.Place}; `udptunnelctl revoke` takes that back"
        );
        foreach (var peer in found)
        {
            Running(peer.Place).Secure!.Deny(KeyOf(peer));
            Events.Add(EventKind.PeerDenied, EventLevel.Info, peer.Place, $"{Describe(peer)} was denied");
        }

        return found;
    }

    /// <summary>
    /// Takes a peer out of every tunnel, or of one, and ends its sessions. It gets no answer for an hour.
    /// </summary>
    /// <returns>As they were.</returns>
    /// <exception cref="RequestException">There is no such peer, or it only waits.</exception>
    public async Task<IReadOnlyList<PeerAt>> RevokePeersAsync(Choice choice, CancellationToken cancellationToken)
    {
        using var gate = await Table.EnterAsync(cancellationToken);
        var found = Selector.OneKey(
            PeerAdmission.Words,
            choice with
            {
                All = true,
            },
            PeersOf(""),
            p => p.Status.State != PeerState.Pending,
            p => $"{p.Status.Name} was not approved: `udptunnelctl deny` sends it away"
        );
        foreach (var peer in found)
        {
            var note = Remove(Table.Find(peer.Place), KeyOf(peer));
            Events.Add(EventKind.PeerRemoved, EventLevel.Info, peer.Place, $"{Describe(peer)} was revoked{note}");
        }

        return found;
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
    protected override IReadOnlyList<TunnelConfig> LoadStored() => store.Load();

    /// <inheritdoc/>
    protected override TunnelConfig Complete(TunnelConfig config)
    {
        if (config.Protocol == TunnelProtocol.Classic)
        {
            return config;
        }

        var admitted = StateWriting.Try(() => store.Admitted.Of(config.Name));
        var keys = config.Peers.Select(peer => peer.PublicKey).ToHashSet();
        var names = config.Peers.Select(peer => peer.Name).OfType<string>().ToHashSet(StringComparer.Ordinal);
        var networks = config.Peers.SelectMany(peer => peer.AllowedIPs).ToHashSet();
        var extra = admitted
            .Select(a => a.Peer)
            .Where(peer => !keys.Contains(peer.PublicKey))
            .Select(peer =>
                peer with
                {
                    Name = peer.Name is { } name && names.Contains(name) ? null : peer.Name,
                    AllowedIPs = [.. peer.AllowedIPs.Where(network => !networks.Contains(network))],
                }
            )
            .ToList();
        return extra.Count == 0 ? config : config with { Peers = [.. config.Peers, .. extra] };
    }

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
    }

    private static SecretKey MakeKey()
    {
        Span<byte> bytes = stackalloc byte[SecretKey.Size];
        LocalIdentity.Generate(RandomSource.System, bytes);
        var made = SecretKey.FromBytes(bytes);
        CryptographicOperations.ZeroMemory(bytes);
        return made;
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

        EndInvitations(entry);
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
    protected override void OnChanged() => Changed?.Invoke();

    /// <inheritdoc/>
    protected override void OnStopped() => _workers.Dispose();

    private static PublicKey KeyOf(PeerAt peer)
    {
        _ = PublicKey.TryParse(peer.Status.PublicKey, out var key);
        return key;
    }

    private static string Describe(PeerAt peer) => $"the peer {peer.Status.Name} ({peer.Status.PublicKey})";

    private PeerAt Approve(PeerAt pending, PeerApproval approval, bool once)
    {
        var entry = Table.Find(pending.Place);
        var used = pending.Status.UsedAddresses.Select(IPAddress.Parse).ToList();
        var peer = PeerAdmission.Admit(entry.Config, KeyOf(pending), approval, used);
        if (once)
        {
            entry.Engine!.Secure!.AdmitGuest(peer);
        }
        else
        {
            Admit(entry, new AdmittedPeer(peer));
        }

        Events.Add(
            EventKind.PeerApproved,
            EventLevel.Info,
            entry.Name,
            $"the peer {peer.DisplayName} ({peer.PublicKey}) at {pending.Address} was approved"
                + $"{(once ? " once" : "")} with {string.Join(", ", peer.AllowedIPs)}"
        );
        var now = StatusOf(Table.Find(entry.Name)).Peers.First(p => p.PublicKey == pending.Status.PublicKey);
        return pending with { Status = now with { UsedAddresses = pending.Status.UsedAddresses } };
    }

    /// <summary>Enters a peer, and keeps it beside the file.</summary>
    private void Admit(HostEntry<TunnelConfig, TunnelEngine> entry, AdmittedPeer admitted)
    {
        var changed = ApplyLive(entry, entry.Config with { Peers = [.. entry.Config.Peers, admitted.Peer] });
        try
        {
            Keep(entry, peers => [.. peers.Where(p => p.Peer.PublicKey != admitted.Peer.PublicKey), admitted]);
        }
        catch (RequestException)
        {
            ApplyLive(entry, entry.Config);
            throw;
        }

        Table.Set(changed);
        OnChanged();
    }

    /// <summary>Takes a peer out.</summary>
    /// <returns>What to say if its file still names it.</returns>
    private string Remove(HostEntry<TunnelConfig, TunnelEngine> entry, PublicKey key)
    {
        var isAdmitted = store.Admitted.Of(entry.Name).Any(p => p.Peer.PublicKey == key);
        Keep(entry, peers => [.. peers.Where(p => p.Peer.PublicKey != key)]);
        var peers = entry.Config.Peers.Where(peer => peer.PublicKey != key).ToList();
        if (peers.Count < entry.Config.Peers.Count)
        {
            Table.Set(ApplyLive(entry, entry.Config with { Peers = [.. peers] }));
            OnChanged();
        }

        entry.Engine?.Secure?.Deny(key);
        return isAdmitted ? "" : entry.FileNote;
    }

    private void Keep(
        HostEntry<TunnelConfig, TunnelEngine> entry,
        Func<IReadOnlyList<AdmittedPeer>, IReadOnlyList<AdmittedPeer>> change
    )
    {
        try
        {
            StateWriting.Try(() => store.Admitted.Save(entry.Name, change(store.Admitted.Of(entry.Name))));
        }
        catch (RequestException) when (entry.IsEphemeral)
        {
            // It does without a disk; the approval lives as long as it.
        }
    }

    /// <summary>An invitation ends when it was used, or when its time is over: then the peer goes.</summary>
    private void EndInvitations(HostEntry<TunnelConfig, TunnelEngine> entry)
    {
        if (entry.Config.Protocol == TunnelProtocol.Classic)
        {
            return;
        }

        var now = Time.GetUtcNow();
        foreach (var invited in store.Admitted.Of(entry.Name).Where(p => p.Until is not null).ToList())
        {
            var key = invited.Peer.PublicKey;
            if (entry.Engine!.Secure!.HasCompletedHandshake(key))
            {
                Keep(entry, peers => [.. peers.Select(p => p.Peer.PublicKey == key ? p with { Until = null } : p)]);
                Events.Add(
                    EventKind.PeerApproved,
                    EventLevel.Info,
                    entry.Name,
                    $"the peer {invited.Peer.DisplayName} has used its invitation"
                );
            }
            else if (invited.Until <= now)
            {
                Remove(Table.Find(entry.Name), key);
                Events.Add(
                    EventKind.PeerRemoved,
                    EventLevel.Info,
                    entry.Name,
                    $"the invitation of the peer {invited.Peer.DisplayName} was not used in time"
                );
            }
        }
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
        return status with { Ephemeral = entry.IsEphemeral, File = entry.File, Peers = WithInvitations(status) };
    }

    private IReadOnlyList<PeerStatus> WithInvitations(TunnelStatus status)
    {
        if (status.Config.Protocol == TunnelProtocol.Classic)
        {
            return status.Peers;
        }

        var invited = store
            .Admitted.Of(status.Config.Name)
            .Where(p => p.Until is not null)
            .ToDictionary(p => p.Peer.PublicKey.ToString(), p => p.Until);
        return invited.Count == 0
            ? status.Peers
            : [.. status.Peers.Select(p => p with { InvitedUntil = invited.GetValueOrDefault(p.PublicKey) })];
    }
}
