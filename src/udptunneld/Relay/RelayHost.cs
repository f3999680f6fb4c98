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
        EventKind.RelayFailed);

    private readonly StateStore _store;
    private readonly RelayKeyStore _keys;
    private readonly RelayServices _services;
    private volatile TaskCompletionSource _sendersChanged = NewSignal();

    public RelayHost(StateStore store, RelayKeyStore keys, HostNames names, EventLog events, TimeProvider time, Supervised supervised)
        : base(Kind, names, events, time, supervised)
    {
        _store = store;
        _keys = keys;
        _services = new RelayServices(events, time, () => StateWriting.Try(keys.GetIdentity), OnChanged);
    }

    /// <summary>The senders of all receivers.</summary>
    public IReadOnlyList<SenderStatus> Senders => [.. Table.All.SelectMany(e => e.Engine?.Receiver?.Senders ?? [])];

    /// <summary>Ends when a sender has come, gone or changed since it was read.</summary>
    public Task SendersChanged => _sendersChanged.Task;

    /// <inheritdoc/>
    protected override ParallelOptions ParallelStops => new();

    /// <summary>Starts a relay.</summary>
    /// <exception cref="RequestException">It cannot be started; nothing is left behind.</exception>
    public async Task<RelayStatus> StartAsync(RelayConfig config, bool ephemeral, CancellationToken cancellationToken) =>
        StatusOf(await StartEntryAsync(config, ephemeral, cancellationToken));

    /// <summary>Stops a relay and forgets it, with the senders that were approved.</summary>
    /// <returns>How it was at the end.</returns>
    /// <exception cref="RequestException">There is none of that name, or it cannot be forgotten; then it goes on.</exception>
    public Task<RelayStatus> StopAsync(string name, CancellationToken cancellationToken) => StopEntryAsync(name, StatusOf, cancellationToken);

    /// <summary>How relays are, in the order of their names.</summary>
    /// <param name="names">Only these, if there are any.</param>
    /// <exception cref="RequestException">A name is unknown.</exception>
    public IReadOnlyList<RelayStatus> List(IReadOnlyCollection<string> names) => [.. Table.FindAll(names).Select(StatusOf)];

    /// <summary>How those of some relays are that are still there.</summary>
    public IReadOnlyList<RelayStatus> ListExisting(IReadOnlySet<string> names) => [.. Table.FindExisting(names).Select(StatusOf)];

    /// <summary>The live flows of a relay, in no order.</summary>
    /// <exception cref="RequestException">There is none of that name.</exception>
    public IReadOnlyList<FlowStatus> FlowsOf(string name) => Table.Find(name).Engine?.Engine.Flows ?? [];

    /// <summary>The senders of one receiver, or of all.</summary>
    /// <param name="relay">The receiver; empty for all.</param>
    /// <exception cref="RequestException">There is none of that name.</exception>
    public IReadOnlyList<SenderStatus> SendersOf(string relay) => relay.Length == 0
        ? Senders
        : Table.Find(relay).Engine?.Receiver?.Senders ?? [];

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

    /// <summary>Lets a pending sender in.</summary>
    /// <exception cref="RequestException">There is no such sender, or it does not wait.</exception>
    public SenderStatus Approve(string sender, bool once)
    {
        var found = SenderSelector.One(
            sender, Senders, s => s.State == SenderState.Pending, s => $"{Name(s)} does not wait: it is {Describe(s)} already");
        return ReceiverOf(found).Approve(found, once);
    }

    /// <summary>Sends a pending sender away.</summary>
    /// <exception cref="RequestException">There is no such sender, or it does not wait.</exception>
    public SenderStatus Deny(string sender)
    {
        var found = SenderSelector.One(
            sender,
            Senders,
            s => s.State == SenderState.Pending,
            s => $"{Name(s)} does not wait: it is {Describe(s)}; `udptunnelctl revoke` takes that back");
        return ReceiverOf(found).Deny(found);
    }

    /// <summary>Forgets a sender's approvals at all receivers, and ends its connections.</summary>
    /// <exception cref="RequestException">There is no such sender, or it only waits.</exception>
    public IReadOnlyList<SenderStatus> Revoke(string sender)
    {
        var found = SenderSelector.OneKey(
            sender, Senders, s => s.State != SenderState.Pending, s => $"{Name(s)} was not approved: `udptunnelctl deny` sends it away");
        return [.. found.Select(s => ReceiverOf(s).Revoke(s))];
    }

    /// <inheritdoc/>
    protected override IReadOnlyList<RelayConfig> LoadStored() => _store.LoadRelays();

    /// <inheritdoc/>
    protected override void Save(RelayConfig config) => StateWriting.Try(() => _store.Save(config));

    /// <inheritdoc/>
    protected override void Forget(HostEntry<RelayConfig, RunningRelay> entry)
    {
        if (entry.IsStored)
        {
            StateWriting.Try(() => _store.ForgetRelay(entry.Name));
        }

        if (!entry.IsEphemeral)
        {
            StateWriting.Try(() => _keys.ForgetSenders(entry.Name));
        }
    }

    /// <inheritdoc/>
    protected override (RunningRelay Engine, string What) Open(HostEntry<RelayConfig, RunningRelay> entry, object? memory)
    {
        var config = entry.Config;
        return config.Relay == RelayRole.Receiver
            ? (new RunningRelay(ReceiverEngine.Start(config, _services, SenderKeysOf(entry))),
                $"takes clients at UDP {config.UdpAddress} and senders at TCP {config.TcpAddress}")
            : (new RunningRelay(SenderEngine.Start(config, _services, ReceiverKeysOf(config))),
                $"connects to {config.TcpAddress} for the service at UDP {config.UdpAddress}");
    }

    /// <inheritdoc/>
    protected override IReadOnlyList<FieldChange> Differences(RelayConfig before, RelayConfig after) => ConfigDiff.Between(before, after);

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
        var status = entry.Engine?.Status ?? new RelayStatus { Config = entry.Config, State = RelayState.Failed, Problem = entry.Problem };
        return status with { Ephemeral = entry.IsEphemeral, File = entry.File };
    }

    private static string Name(SenderStatus sender) => sender.Key?.ToString() ?? sender.Address;

    private static string Describe(SenderStatus sender) => sender.State switch
    {
        SenderState.Connected => $"connected to {sender.Relay}",
        SenderState.Approved => $"approved at {sender.Relay}",
        _ => $"pending at {sender.Relay}",
    };

    private ReceiverEngine ReceiverOf(SenderStatus sender) => Table.Find(sender.Relay).Engine?.Receiver
        ?? throw new RequestException(Fault.SenderNotPending, $"{sender.Relay} does not run any more");

    private SenderKeys SenderKeysOf(HostEntry<RelayConfig, RunningRelay> entry) => entry.IsEphemeral
        ? new SenderKeys(() => [], _ => { })
        : new SenderKeys(
            () => StateWriting.Try(() => _keys.LoadSenders(entry.Name)), senders => StateWriting.Try(() => _keys.SaveSenders(entry.Name, senders)));

    private ReceiverKeys ReceiverKeysOf(RelayConfig config) => new(
        () => StateWriting.Try(() => _keys.FindReceiver(config.TcpAddress)), key => StateWriting.Try(() => _keys.RememberReceiver(config.TcpAddress, key)));
}
