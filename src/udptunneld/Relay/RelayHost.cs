// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Filter;
using UdpTunnel.Hosting;
using UdpTunnel.Relay.Approval;
using UdpTunnel.State;

namespace UdpTunnel.Relay;

/// <summary>All relays of the daemon.</summary>
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

    public RelayHost(
        StateStore store,
        RelayKeyStore keys,
        HostNames names,
        EventLog events,
        TimeProvider time,
        Supervised supervised,
        HostAddresses addresses
    )
        : base(Kind, names, events, time, supervised)
    {
        _store = store;
        _keys = keys;
        Senders = new RelaySenders(Table, keys, events);
        _services = new RelayServices(
            events,
            time,
            () => StateWriting.Try(keys.GetIdentity),
            Senders.OnChanged,
            supervised,
            addresses
        );
    }

    /// <summary>The senders of all receivers.</summary>
    public RelaySenders Senders { get; }

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
            Events.Add(
                EventKind.RelayFailed,
                EventLevel.Warning,
                config.Name,
                $"was not started: {e.Message}",
                new EventFacts { Problem = e.Message }
            );
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
        return (last, Senders.RememberedAt(name).Count);
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
    protected override void OnChanged() => Senders.OnChanged();

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
