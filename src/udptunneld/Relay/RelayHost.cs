using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Hosting;
using UdpTunnel.State;

namespace UdpTunnel.Relay;

/// <summary>
/// All relays of the daemon. A stored relay that cannot start is kept as failed and tried again.
/// </summary>
internal sealed partial class RelayHost : IAsyncDisposable
{
    /// <summary>The most relays.</summary>
    public const int Capacity = 1024;

    private static readonly TimeSpan TickInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(5);

    private readonly StateStore _store;
    private readonly RelayKeyStore _keys;
    private readonly EventLog _events;
    private readonly TimeProvider _time;
    private readonly RelayServices _services;

    private readonly CancellationTokenSource _stop = new();
    private readonly HostTable<RelayEntry> _relays;
    private Task _ticking = Task.CompletedTask;

    public RelayHost(StateStore store, RelayKeyStore keys, EventLog events, TimeProvider time)
    {
        _store = store;
        _keys = keys;
        _events = events;
        _time = time;
        _services = new RelayServices(events, time, () => StateWriting.Try(keys.GetIdentity), SignalSenders);
        _relays = new HostTable<RelayEntry>("relay", Capacity, Fault.NoSuchRelay, Limit.Relays, new LimitReport(events, time, ""));
    }

    /// <summary>All relays by name.</summary>
    public HostTable<RelayEntry> Table => _relays;

    /// <summary>Number of relays, whatever their state.</summary>
    public int Count => _relays.Count;

    /// <summary>Starts what was stored.</summary>
    public async Task StartAsync()
    {
        using var gate = await _relays.EnterAsync(CancellationToken.None);
        foreach (var config in _store.LoadRelays())
        {
            _relays.Set(TryStart(new RelayEntry(config, IsEphemeral: false)));
        }

        _ticking = TickAsync();
    }

    /// <summary>Starts a relay.</summary>
    /// <exception cref="RequestException">It cannot be started; nothing is left behind.</exception>
    public async Task<RelayStatus> StartAsync(RelayConfig config, bool ephemeral, CancellationToken cancellationToken)
    {
        using var gate = await _relays.EnterAsync(cancellationToken);
        _relays.RequireRoom(config.Name);
        var entry = StartEntry(new RelayEntry(config, ephemeral));
        try
        {
            if (!ephemeral)
            {
                StateWriting.Try(() => _store.Save(config));
            }
        }
        catch (RequestException)
        {
            entry.Engine!.Dispose();
            throw;
        }

        _relays.Set(entry);
        return entry.Status;
    }

    /// <summary>Stops a relay and forgets it, with the senders that were approved.</summary>
    /// <exception cref="RequestException">There is none of that name, or it cannot be forgotten; then it goes on.</exception>
    public async Task<RelayStatus> StopAsync(string name, CancellationToken cancellationToken)
    {
        using var gate = await _relays.EnterAsync(cancellationToken);
        var entry = _relays.Find(name);
        if (entry.IsStored)
        {
            StateWriting.Try(() => _store.ForgetRelay(name));
        }

        if (!entry.IsEphemeral)
        {
            StateWriting.Try(() => _keys.ForgetSenders(name));
        }

        var last = entry.Status;
        _relays.Remove(name);
        entry.Engine?.Dispose();
        _events.Add(EventKind.RelayStopped, EventLevel.Info, name, "stopped");
        SignalSenders();
        return last;
    }

    /// <summary>How relays are, in the order of their names.</summary>
    /// <param name="names">Only these, if there are any.</param>
    /// <exception cref="RequestException">A name is unknown.</exception>
    public IReadOnlyList<RelayStatus> List(IReadOnlyCollection<string> names) => [.. _relays.FindAll(names).Select(e => e.Status)];

    /// <summary>How those of some relays are that are still there.</summary>
    public IReadOnlyList<RelayStatus> ListExisting(IReadOnlySet<string> names) => [.. _relays.FindExisting(names).Select(e => e.Status)];

    /// <summary>The live flows of a relay.</summary>
    /// <exception cref="RequestException">There is none of that name.</exception>
    public IReadOnlyList<FlowStatus> FlowsOf(string name) => _relays.Find(name).Engine?.Flows ?? [];

    /// <summary>Accepts the new key of a receiver.</summary>
    /// <exception cref="RequestException">There is no such sender relay, or the key cannot be accepted.</exception>
    public RelayStatus AcceptReceiverKey(string name, KeyFingerprint key)
    {
        var entry = _relays.Find(name);
        if (entry.Engine is not SenderEngine engine)
        {
            throw new RequestException(Fault.InvalidRequest, $"{name} is not a running sender");
        }

        engine.AcceptKey(key);
        return entry.Status;
    }

    /// <summary>Stops all relays; they stay stored.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _ticking;
        using var gate = await _relays.EnterAsync(CancellationToken.None);
        Parallel.ForEach(_relays.All, e => e.Engine?.Dispose());
        _relays.Clear();
    }

    private RelayEntry StartEntry(RelayEntry entry)
    {
        var config = entry.Config;
        IRelayEngine engine = config.Relay == RelayRole.Receiver
            ? ReceiverEngine.Start(config, _services, SenderKeysOf(entry))
            : SenderEngine.Start(config, _services, new ReceiverKeys(
                () => StateWriting.Try(() => _keys.FindReceiver(config.TcpAddress)), key => StateWriting.Try(() => _keys.RememberReceiver(config.TcpAddress, key))));
        var what = config.Relay == RelayRole.Receiver
            ? $"takes clients at UDP {config.UdpAddress} and senders at TCP {config.TcpAddress}"
            : $"connects to {config.TcpAddress} for the service at UDP {config.UdpAddress}";
        _events.Add(EventKind.RelayStarted, EventLevel.Info, config.Name, what);
        return entry with { Engine = engine, Problem = "" };
    }

    private SenderKeys SenderKeysOf(RelayEntry entry)
    {
        var name = entry.Config.Name;
        return entry.IsEphemeral
            ? new SenderKeys(() => [], _ => { })
            : new SenderKeys(() => StateWriting.Try(() => _keys.LoadSenders(name)), senders => StateWriting.Try(() => _keys.SaveSenders(name, senders)));
    }

    private RelayEntry TryStart(RelayEntry entry)
    {
        try
        {
            return StartEntry(entry);
        }
        catch (RequestException e)
        {
            if (e.Message != entry.Problem)
            {
                _events.Add(EventKind.RelayFailed, EventLevel.Error, entry.Config.Name, $"cannot start: {e.Message}; trying again");
            }

            return entry with { Problem = e.Message, Tried = _time.GetTimestamp() };
        }
    }

    private async Task TickAsync()
    {
        using var timer = new PeriodicTimer(TickInterval, _time);
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
            using var gate = await _relays.EnterAsync(CancellationToken.None);
            foreach (var entry in _relays.All)
            {
                if (entry.Engine is { } engine)
                {
                    engine.Tick();
                    entry.Meter.Tick(engine.Status.Traffic, RelayTimes.Now);
                }
                else if (_time.GetElapsedTime(entry.Tried) >= RetryInterval)
                {
                    _relays.Set(TryStart(entry));
                }
            }
        }
    }
}
