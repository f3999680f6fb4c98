using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Hosting;
using UdpTunnel.Relay.Approval;
using UdpTunnel.State;

namespace UdpTunnel.Relay;

/// <summary>All relays of the daemon, the senders of all receivers, and what people decide about them.</summary>
internal sealed class RelayHost : Host<RelayConfig, RunningRelay>
{
    /// <summary>The most relays.</summary>
    public const int Capacity = 1024;

    private static readonly HostedKind Kind = new(
        "relay",
        Capacity,
        Fault.NoSuchRelay,
        Limit.Relays,
        EventKind.RelayStarted,
        EventKind.RelayStopped,
        EventKind.RelayFailed
    );

    private readonly StateStore _store;
    private readonly RelayKeyStore _keys;
    private readonly RelayServices _services;
    private volatile TaskCompletionSource _sendersChanged = NewSignal();

    public RelayHost(
        StateStore store,
        RelayKeyStore keys,
        HostNames names,
        EventLog events,
        TimeProvider time,
        Supervised supervised
    )
        : base(Kind, names, events, time, supervised)
    {
        _store = store;
        _keys = keys;
        _services = new RelayServices(events, time, () => StateWriting.Try(keys.GetIdentity), OnChanged, supervised);
    }

    /// <summary>The senders of all receivers; those that are remembered also where no receiver runs.</summary>
    /// <exception cref="RequestException">Remembered ones cannot be read.</exception>
    public IReadOnlyList<SenderStatus> Senders
    {
        get
        {
            var running = Table
                .All.Where(e => e.Engine?.Receiver is not null)
                .ToDictionary(e => e.Name, e => e.Engine!.Receiver!);
            return
            [
                .. running.Values.SelectMany(r => r.Senders),
                .. StateWriting
                    .Try(_keys.NamesWithSenders)
                    .Where(n => !running.ContainsKey(n))
                    .SelectMany(RememberedAt),
            ];
        }
    }

    /// <summary>Ends when a sender has come, gone or changed since it was read.</summary>
    public Task SendersChanged => _sendersChanged.Task;

    /// <inheritdoc/>
    protected override ParallelOptions ParallelStops => new();

    /// <summary>Starts a relay.</summary>
    /// <exception cref="RequestException">It cannot be started; nothing is left behind.</exception>
    public async Task<RelayStatus> StartAsync(RelayConfig config, bool ephemeral, CancellationToken cancellationToken)
    {
        try
        {
            return StatusOf(await StartEntryAsync(config, ephemeral, cancellationToken));
        }
        catch (RequestException e) when (e.Fault == Fault.ReceiverTaken)
        {
            // Who looks for the reason why a service is not there finds it also later.
            Events.Add(EventKind.RelayFailed, EventLevel.Warning, config.Name, $"was not started: {e.Message}");
            throw;
        }
    }

    /// <summary>Stops a relay and forgets it, but not the senders that were approved.</summary>
    /// <returns>
    /// How it was at the end, and how many approved senders are remembered for a receiver of its name.
    /// </returns>
    /// <exception cref="RequestException">
    /// There is none of that name, or it cannot be forgotten; then it goes on.
    /// </exception>
    public async Task<(RelayStatus Last, int RememberedSenders)> StopAsync(
        string name,
        CancellationToken cancellationToken
    )
    {
        var last = await StopEntryAsync(name, StatusOf, cancellationToken);
        return (last, RememberedAt(name).Count);
    }

    /// <summary>Applies another configuration to a relay.</summary>
    /// <param name="name">The relay.</param>
    /// <param name="config">What it shall do.</param>
    /// <param name="allowRestart">Also what needs it to restart.</param>
    /// <param name="cancellationToken">Ends the wait for other changes.</param>
    /// <returns>What was changed.</returns>
    /// <exception cref="RequestException">It cannot be applied; the relay goes on as it was.</exception>
    public async Task<IReadOnlyList<FieldChange>> ReloadAsync(
        string name,
        RelayConfig config,
        bool allowRestart,
        CancellationToken cancellationToken
    )
    {
        using var gate = await Table.EnterAsync(cancellationToken);
        return Change(Table.Find(name), config, allowRestart);
    }

    /// <summary>How relays are, in the order of their names.</summary>
    /// <param name="names">Only these, if there are any.</param>
    /// <exception cref="RequestException">A name is unknown.</exception>
    public IReadOnlyList<RelayStatus> List(IReadOnlyCollection<string> names) =>
        [.. Table.FindAll(names).Select(StatusOf)];

    /// <summary>How those of some relays are that are still there.</summary>
    public IReadOnlyList<RelayStatus> ListExisting(IReadOnlySet<string> names) =>
        [.. Table.FindExisting(names).Select(StatusOf)];

    /// <summary>The live flows of a relay, in no order.</summary>
    /// <exception cref="RequestException">There is none of that name.</exception>
    public IReadOnlyList<FlowStatus> FlowsOf(string name) => Table.Find(name).Engine?.Engine.Flows ?? [];

    /// <summary>The senders of one receiver, or of all.</summary>
    /// <param name="relay">The receiver, which need not run where senders are remembered; empty for all.</param>
    /// <exception cref="RequestException">There is none of that name.</exception>
    public IReadOnlyList<SenderStatus> SendersOf(string relay)
    {
        if (relay.Length == 0)
        {
            return Senders;
        }

        var here = Senders.Where(s => s.Relay == relay).ToList();
        if (here.Count == 0)
        {
            _ = Table.Find(relay);
        }

        return here;
    }

    /// <summary>Accepts the new key of a receiver.</summary>
    /// <exception cref="RequestException">There is no such sender relay, or the key cannot be accepted.</exception>
    public RelayStatus AcceptReceiverKey(string name, KeyFingerprint key)
    {
        var entry = Table.Find(name);
        if (entry.Engine?.Engine is not SenderEngine engine)
        {
            throw new RequestException(Fault.InvalidRequest, $"{name} is not a running sender");
        }

        engine.AcceptKey(key);
        return StatusOf(entry);
    }

    /// <summary>Lets a pending sender in, at each receiver that is meant.</summary>
    /// <exception cref="RequestException">
    /// There is no such sender, it does not wait, or it is not clear which.
    /// </exception>
    public IReadOnlyList<SenderStatus> Approve(SenderChoice choice, bool once)
    {
        var found = SenderSelector.OneKey(
            choice,
            Senders,
            s => s.State == SenderState.Pending,
            s => $"{Name(s)} does not wait: it is {Describe(s)} already"
        );
        return Decide(found, s => ReceiverOf(s).Approve(s, once));
    }

    /// <summary>Sends a pending sender away, at each receiver that is meant.</summary>
    /// <exception cref="RequestException">
    /// There is no such sender, it does not wait, or it is not clear which.
    /// </exception>
    public IReadOnlyList<SenderStatus> Deny(SenderChoice choice)
    {
        var found = SenderSelector.OneKey(
            choice,
            Senders,
            s => s.State == SenderState.Pending,
            s => $"{Name(s)} does not wait: it is {Describe(s)}; `udptunnelctl revoke` takes that back"
        );
        return Decide(found, s => ReceiverOf(s).Deny(s));
    }

    /// <summary>Forgets a sender's approvals at all receivers, or at one, and ends its connections.</summary>
    /// <exception cref="RequestException">There is no such sender, or it only waits.</exception>
    public IReadOnlyList<SenderStatus> Revoke(SenderChoice choice)
    {
        var found = SenderSelector.OneKey(
            choice with
            {
                All = true,
            },
            Senders,
            s => s.State != SenderState.Pending,
            s => $"{Name(s)} was not approved: `udptunnelctl deny` sends it away"
        );
        return Decide(found, Revoke);
    }

    /// <inheritdoc/>
    protected override IReadOnlyList<RelayConfig> LoadStored() => _store.LoadRelays();

    /// <inheritdoc/>
    protected override void Save(RelayConfig config) => StateWriting.Try(() => _store.Save(config));

    /// <inheritdoc/>
    protected override void Unstore(string name) => StateWriting.Try(() => _store.ForgetRelay(name));

    /// <inheritdoc/>
    protected override void Forget(HostEntry<RelayConfig, RunningRelay> entry)
    {
        if (entry.IsStored)
        {
            Unstore(entry.Name);
        }

        // As many as there may be relays: more names than anybody needs, and not without a bound.
        StateWriting.Try(() => _keys.ForgetOldestSenders(Capacity, Exists));
    }

    /// <inheritdoc/>
    protected override (RunningRelay Engine, string What) Open(
        HostEntry<RelayConfig, RunningRelay> entry,
        object? memory
    )
    {
        var config = entry.Config;
        if (SharedReceiver(config) is { } other)
        {
            throw new RequestException(
                Fault.ReceiverTaken,
                $"another relay of this host, {other}, uses the receiver {config.TcpAddress} too, which lets one "
                    + $"sender in: both would push each other out; let {other} carry both services, or give this one a "
                    + "receiver with a TCP port of its own"
            );
        }

        return config.Relay == RelayRole.Receiver
            ? (
                new RunningRelay(ReceiverEngine.Start(config, _services, SenderKeysOf(entry))),
                $"takes clients at UDP {config.UdpAddress} and senders at TCP {config.TcpAddress}"
            )
            : (
                new RunningRelay(SenderEngine.Start(config, _services, ReceiverKeysOf(config))),
                $"connects to {config.TcpAddress} for the service at UDP {config.UdpAddress}"
            );
    }

    /// <inheritdoc/>
    protected override IReadOnlyList<FieldChange> Differences(RelayConfig before, RelayConfig after) =>
        ConfigDiff.Between(before, after);

    /// <inheritdoc/>
    protected override void ApplyLive(RunningRelay engine, RelayConfig config) => engine.Engine.Apply(config);

    /// <inheritdoc/>
    protected override string? FailureOf(RunningRelay engine) => engine.Engine.Failure;

    /// <inheritdoc/>
    protected override void Tick(HostEntry<RelayConfig, RunningRelay> entry) => entry.Engine!.Tick();

    /// <inheritdoc/>
    protected override void OnChanged()
    {
        var before = _sendersChanged;
        _sendersChanged = NewSignal();
        before.TrySetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static RelayStatus StatusOf(HostEntry<RelayConfig, RunningRelay> entry)
    {
        var status = entry.Engine?.Status
            ?? new RelayStatus
            {
                Config = entry.Config,
                State = RelayState.Failed,
                Problem = entry.Problem,
            };
        return status with { Ephemeral = entry.IsEphemeral, File = entry.File };
    }

    private static string Name(SenderStatus sender) => sender.Key?.ToString() ?? sender.Address;

    private static string Describe(SenderStatus sender) =>
        sender.State switch
        {
            SenderState.Connected => $"connected to {sender.Relay}",
            SenderState.Approved => $"approved at {sender.Relay}",
            _ => $"pending at {sender.Relay}",
        };

    /// <summary>
    /// Decides about each. Where some fail, the others are decided all the same, and the message says so.
    /// </summary>
    private static List<SenderStatus> Decide(
        IReadOnlyList<SenderStatus> senders,
        Func<SenderStatus, SenderStatus> decide
    )
    {
        var done = new List<SenderStatus>();
        RequestException? failure = null;
        foreach (var sender in senders)
        {
            try
            {
                done.Add(decide(sender));
            }
            catch (RequestException e)
            {
                failure = e;
            }
        }

        return failure is null ? done
            : done.Count == 0 ? throw failure
            : throw new RequestException(
                failure.Fault,
                $"done at {string.Join(", ", done.Select(s => s.Relay))}, but not everywhere: {failure.Message}"
            );
    }

    private bool Exists(string name) => Table.FindExisting(new HashSet<string> { name }).Any();

    /// <summary>The running sender that uses the receiver which a relay is to use; null for none.</summary>
    private string? SharedReceiver(RelayConfig config) =>
        config.Relay == RelayRole.Receiver
            ? null
            : Table
                .All.FirstOrDefault(e =>
                    e.Name != config.Name
                    && e.Engine?.Engine is SenderEngine
                    && e.Config.TcpAddress == config.TcpAddress
                )
                ?.Name;

    private List<SenderStatus> RememberedAt(string relay) =>
        [
            .. StateWriting
                .Try(() => _keys.LoadSenders(relay))
                .Select(s => new SenderStatus(s.Key, s.Address, relay, SenderState.Approved, s.Since)),
        ];

    private SenderStatus Revoke(SenderStatus sender)
    {
        if (Table.FindExisting(new HashSet<string> { sender.Relay }).FirstOrDefault()?.Engine?.Receiver is { } receiver)
        {
            return receiver.Revoke(sender);
        }

        StateWriting.Try(() =>
            _keys.SaveSenders(sender.Relay, [.. _keys.LoadSenders(sender.Relay).Where(s => s.Key != sender.Key)])
        );
        Events.Add(
            EventKind.SenderDenied,
            EventLevel.Info,
            sender.Relay,
            $"{Name(sender)} was revoked; no such receiver runs now"
        );
        OnChanged();
        return sender;
    }

    private ReceiverEngine ReceiverOf(SenderStatus sender) =>
        Table.Find(sender.Relay).Engine?.Receiver
        ?? throw new RequestException(Fault.SenderNotPending, $"{sender.Relay} does not run any more");

    private SenderKeys SenderKeysOf(HostEntry<RelayConfig, RunningRelay> entry) =>
        new(() => StateWriting.Try(() => _keys.LoadSenders(entry.Name)), senders => Save(entry, senders));

    private void Save(HostEntry<RelayConfig, RunningRelay> entry, IReadOnlyList<ApprovedSender> senders)
    {
        try
        {
            StateWriting.Try(() => _keys.SaveSenders(entry.Name, senders));
        }
        catch (RequestException) when (entry.IsEphemeral)
        {
            // It does without a disk; the approval lives as long as it.
        }
    }

    private ReceiverKeys ReceiverKeysOf(RelayConfig config) =>
        new(
            () => StateWriting.Try(() => _keys.FindReceiver(config.TcpAddress)),
            key => StateWriting.Try(() => _keys.RememberReceiver(config.TcpAddress, key))
        );
}
