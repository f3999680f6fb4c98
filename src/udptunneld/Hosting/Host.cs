// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Events;

namespace UdpTunnel.Hosting;

/// <summary>
/// All tunnels of the daemon, or all relays: starts, changes and stops them, one change at a time. One that is stored
/// or has a file and cannot start, or fails while it runs, is kept as failed and tried again.
/// </summary>
/// <typeparam name="TConfig">What one shall do.</typeparam>
/// <typeparam name="TEngine">One that runs.</typeparam>
internal abstract class Host<TConfig, TEngine> : IReloadable, IAsyncDisposable
    where TConfig : Configuration
    where TEngine : class, IDisposable
{
    private static readonly TimeSpan TickInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(5);

    // Changes wait meanwhile: 4,096 tunnels that fail, all tried every 5 s, took 23 % of a core and made callers wait
    // for it.
    private const int RetriesPerTick = 16;

    private readonly HostedKind _kind;
    private readonly Supervised _supervised;
    private readonly CancellationTokenSource _stop = new();
    private Task _ticking = Task.CompletedTask;

    /// <param name="kind">What they are.</param>
    /// <param name="names">The names that are taken.</param>
    /// <param name="events">Where it is told what becomes of them.</param>
    /// <param name="time">The clock.</param>
    /// <param name="supervised">What stands behind their ticks.</param>
    protected Host(HostedKind kind, HostNames names, EventLog events, TimeProvider time, Supervised supervised)
    {
        _kind = kind;
        _supervised = supervised;
        Events = events;
        Time = time;
        Table = new(kind.Name, kind.Capacity, kind.Absent, kind.Limit, new LimitReport(events, time, ""), names);
    }

    /// <summary>How many there are, whatever their state.</summary>
    public int Count => Table.Count;

    /// <inheritdoc/>
    IEnumerable<IHosted> IReloadable.Entries => Table.All;

    /// <summary>All by name.</summary>
    protected HostTable<HostEntry<TConfig, TEngine>> Table { get; }

    /// <summary>Where it is told what becomes of them.</summary>
    protected EventLog Events { get; }

    /// <summary>The clock.</summary>
    protected TimeProvider Time { get; }

    /// <summary>Starts what was stored.</summary>
    /// <param name="cancellationToken">Ends the start behind the one that is being started.</param>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        using var gate = await Table.EnterAsync(cancellationToken);
        foreach (var config in LoadStored())
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                using var place = Table.Reserve(config.Name);
                Table.Set(TryStart(new(Complete(config), IsEphemeral: false)));
            }
            catch (RequestException e)
            {
                Events.Add(
                    _kind.Failed,
                    EventLevel.Error,
                    config.Name,
                    $"cannot start: {e.Message}",
                    new EventFacts { Problem = e.Message }
                );
            }
        }

        OnChanged();
        _ticking = _supervised.TickAsync($"{_kind.Name}s", TickInterval, Time, TickAsync, _stop.Token);
    }

    /// <summary>Compares one with another configuration.</summary>
    /// <exception cref="RequestException">There is none of that name.</exception>
    public IReadOnlyList<FieldChange> Compare(string name, TConfig config) =>
        Differences(Table.Find(name).Config, Complete(config));

    /// <summary>What one shall do; null if there is none of that name.</summary>
    public Configuration? FindConfiguration(string name) =>
        Table.FindExisting(new HashSet<string>(StringComparer.Ordinal) { name }).FirstOrDefault()?.Config;

    /// <inheritdoc/>
    bool IReloadable.Takes(Configuration configuration) => configuration is TConfig;

    /// <inheritdoc/>
    IReadOnlyList<FieldChange> IReloadable.Compare(Configuration configuration) =>
        Compare(configuration.Name, (TConfig)configuration);

    /// <inheritdoc/>
    async Task<string> IReloadable.StartFileAsync(
        Configuration configuration,
        string file,
        CancellationToken cancellationToken
    )
    {
        using var gate = await Table.EnterAsync(cancellationToken);
        using var place = Table.Reserve(configuration.Name);
        var entry = TryStart(new(Complete((TConfig)configuration), IsEphemeral: false) { File = file });
        Table.Set(entry);
        OnChanged();
        return entry.Problem;
    }

    /// <inheritdoc/>
    async Task<string> IReloadable.ApplyFileAsync(
        Configuration configuration,
        string file,
        bool allowRestart,
        CancellationToken cancellationToken
    )
    {
        using var gate = await Table.EnterAsync(cancellationToken);
        var config = Complete((TConfig)configuration);
        var entry = Table.Find(configuration.Name);
        if (entry.IsStored)
        {
            // From now on the file says it; with both, it would come back after its file is gone.
            Unstore(entry.Name);
        }

        entry = entry with { File = file, IsEphemeral = false };
        Table.Set(entry);
        if (entry.Engine is not null)
        {
            Change(entry, config, allowRestart);
        }
        else
        {
            Table.Set(TryStart(entry with { Config = config }));
            OnChanged();
        }

        return Table.Find(configuration.Name).Problem;
    }

    /// <inheritdoc/>
    Task IReloadable.StopFileAsync(string name, CancellationToken cancellationToken) =>
        StopEntryAsync(name, cancellationToken);

    /// <summary>Stops all; they stay stored.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _ticking;
        using var gate = await Table.EnterAsync(CancellationToken.None);
        var entries = Table.All;
        ForEach(entries, OnStopping);
        _supervised.Run(
            $"{_kind.Name}s",
            () => OnAllStopping([.. entries.Select(e => e.Engine).OfType<TEngine>()]),
            _ => { }
        );
        ForEach(entries, entry => entry.Engine?.Dispose());
        Table.Clear();
        OnStopped();
    }

    private void ForEach(IEnumerable<HostEntry<TConfig, TEngine>> entries, Action<HostEntry<TConfig, TEngine>> step) =>
        Parallel.ForEach(entries, ParallelStops, entry => _supervised.Run(entry.Name, () => step(entry), _ => { }));

    /// <summary>How many are stopped at a time when the daemon ends.</summary>
    protected virtual ParallelOptions ParallelStops => new() { MaxDegreeOfParallelism = 1 };

    /// <summary>What was stored.</summary>
    protected abstract IReadOnlyList<TConfig> LoadStored();

    /// <summary>A configuration with what people have decided beside its file.</summary>
    /// <exception cref="RequestException">The disk refuses.</exception>
    protected virtual TConfig Complete(TConfig config) => config;

    /// <summary>Stores one.</summary>
    /// <exception cref="RequestException">The disk refuses.</exception>
    protected abstract void Save(TConfig config);

    /// <summary>Forgets the stored configuration of one that goes on; what it knows beside that stays.</summary>
    /// <exception cref="RequestException">The disk refuses.</exception>
    protected abstract void Unstore(string name);

    /// <summary>Forgets what was stored of one.</summary>
    /// <exception cref="RequestException">The disk refuses.</exception>
    protected abstract void Forget(HostEntry<TConfig, TEngine> entry);

    /// <summary>Starts one.</summary>
    /// <param name="entry">The one.</param>
    /// <param name="memory">What <see cref="Remember"/> gave when it ran before; null at its first start.</param>
    /// <returns>The engine, and what to tell of it.</returns>
    /// <exception cref="RequestException">It cannot start; nothing is left behind.</exception>
    protected abstract (TEngine Engine, string What) Open(HostEntry<TConfig, TEngine> entry, object? memory);

    /// <summary>The fields that differ.</summary>
    protected abstract IReadOnlyList<FieldChange> Differences(TConfig before, TConfig after);

    /// <summary>Looks after one that runs, once a second.</summary>
    protected abstract void Tick(HostEntry<TConfig, TEngine> entry);

    /// <summary>Why one that ran has stopped by itself, because a thread of it failed; null while it runs.</summary>
    protected virtual string? FailureOf(TEngine engine) => null;

    /// <summary>What one knows that runs, for the engine that takes its place.</summary>
    protected virtual object? Remember(TEngine engine) => null;

    /// <summary>Applies changes that need no restart.</summary>
    protected virtual void ApplyLive(TEngine engine, TConfig config) =>
        throw new InvalidOperationException("every change needs a restart");

    /// <summary>One has started, stopped or changed.</summary>
    protected virtual void OnChanged() { }

    /// <summary>One is about to stop because the daemon ends.</summary>
    protected virtual void OnStopping(HostEntry<TConfig, TEngine> entry) { }

    /// <summary>All are about to stop because the daemon ends.</summary>
    protected virtual void OnAllStopping(IReadOnlyList<TEngine> engines) { }

    /// <summary>All have stopped because the daemon ends.</summary>
    protected virtual void OnStopped() { }

    /// <summary>Starts one because somebody asks.</summary>
    /// <exception cref="RequestException">It cannot be started; nothing is left behind.</exception>
    protected async Task<HostEntry<TConfig, TEngine>> StartEntryAsync(
        TConfig config,
        bool ephemeral,
        CancellationToken cancellationToken
    )
    {
        using var gate = await Table.EnterAsync(cancellationToken);
        using var place = Table.Reserve(config.Name);
        var entry = StartEntry(new(Complete(config), ephemeral), memory: null);
        Keep(entry);
        Table.Set(entry);
        OnChanged();
        return entry;
    }

    /// <summary>Stops one and forgets it.</summary>
    /// <returns>As it was.</returns>
    /// <exception cref="RequestException">
    /// There is none of that name, or it cannot be forgotten; then it goes on.
    /// </exception>
    protected Task StopEntryAsync(string name, CancellationToken cancellationToken) =>
        StopEntryAsync(name, _ => true, cancellationToken);

    /// <inheritdoc cref="StopEntryAsync(string, CancellationToken)"/>
    /// <param name="name">Its name.</param>
    /// <param name="last">What is to be known of it before it stops.</param>
    /// <param name="cancellationToken">Ends the wait for other changes.</param>
    protected async Task<T> StopEntryAsync<T>(
        string name,
        Func<HostEntry<TConfig, TEngine>, T> last,
        CancellationToken cancellationToken
    )
    {
        using var gate = await Table.EnterAsync(cancellationToken);
        var entry = Table.Find(name);
        Forget(entry);
        var result = last(entry);
        try
        {
            entry.Engine?.Dispose();
        }
        finally
        {
            Table.Remove(name);
        }

        Events.Add(_kind.Stopped, EventLevel.Info, name, "stopped");
        OnChanged();
        return result;
    }

    /// <summary>
    /// Applies another configuration: live where it can be, else by a restart. Only for who has entered the table.
    /// </summary>
    /// <returns>What was changed.</returns>
    /// <exception cref="RequestException">It cannot be applied; everything is as it was.</exception>
    protected IReadOnlyList<FieldChange> Change(HostEntry<TConfig, TEngine> entry, TConfig config, bool allowRestart)
    {
        var changes = Differences(entry.Config, config);
        if (changes.Count == 0)
        {
            return changes;
        }

        if (changes.Any(c => c.Effect == ChangeEffect.Impossible))
        {
            throw new RequestException(
                Fault.InvalidRequest,
                $"the configuration is {config.Name}'s, not {entry.Name}'s: a {_kind.Name} keeps its name"
            );
        }

        var live = changes.All(c => c.Effect == ChangeEffect.Live) && entry.Engine is not null;
        if (!live && !allowRestart)
        {
            var fields = string.Join(", ", changes.Where(c => c.Effect == ChangeEffect.Restart).Select(c => c.Field));
            throw new RequestException(
                Fault.RestartRequired,
                $"{entry.Name} has to restart for {fields}, which was not allowed"
            );
        }

        Table.Set(live ? ApplyLive(entry, config) : Restart(entry, config));
        OnChanged();
        Events.Add(
            EventKind.Reloaded,
            EventLevel.Info,
            entry.Name,
            $"changed {string.Join(", ", changes.Select(c => c.Field))}",
            new EventFacts { Fields = [.. changes.Select(c => c.Field)] }
        );
        return changes;
    }

    /// <summary>Applies changes that need no restart, and stores them; all of it or nothing.</summary>
    /// <exception cref="RequestException">The disk refuses.</exception>
    protected HostEntry<TConfig, TEngine> ApplyLive(HostEntry<TConfig, TEngine> entry, TConfig config)
    {
        Apply(config);
        try
        {
            if (entry.IsStored)
            {
                Save(config);
            }
        }
        catch (RequestException)
        {
            Apply(entry.Config);
            throw;
        }

        return entry with
        {
            Config = config,
        };

        void Apply(TConfig applied)
        {
            if (entry.Engine is { } engine)
            {
                ApplyLive(engine, applied);
            }
        }
    }

    /// <summary>
    /// Devices and ports may be the same, so the old ones must be gone before; if the new one cannot start, the old one
    /// starts again.
    /// </summary>
    private HostEntry<TConfig, TEngine> Restart(HostEntry<TConfig, TEngine> entry, TConfig config)
    {
        var memory = entry.Engine is { } engine ? Remember(engine) : null;
        entry.Engine?.Dispose();
        try
        {
            var started = StartEntry(entry with { Config = config }, memory);
            Keep(started);
            return started;
        }
        catch (RequestException)
        {
            Table.Set(TryStart(entry with { Engine = null }, memory));
            OnChanged();
            throw;
        }
    }

    private HostEntry<TConfig, TEngine> StartEntry(HostEntry<TConfig, TEngine> entry, object? memory)
    {
        var (engine, what) = Open(entry, memory);
        Events.Add(_kind.Started, EventLevel.Info, entry.Name, what);
        return entry with { Engine = engine, Problem = "" };
    }

    private HostEntry<TConfig, TEngine> TryStart(HostEntry<TConfig, TEngine> entry, object? memory = null)
    {
        var result = entry;
        Exception? unexpected = null;
        _supervised.Run(entry.Name, Start, e => unexpected = e);
        return unexpected is null ? result : Failed(entry, unexpected.Message);

        void Start()
        {
            try
            {
                result = StartEntry(entry, memory);
            }
            catch (RequestException e)
            {
                result = Failed(entry, e.Message);
            }
        }
    }

    private HostEntry<TConfig, TEngine> Failed(HostEntry<TConfig, TEngine> entry, string problem)
    {
        if (problem != entry.Problem)
        {
            Events.Add(
                _kind.Failed,
                EventLevel.Error,
                entry.Name,
                $"{(entry.IsRunning ? "failed" : "cannot start")}: {problem}; trying again",
                new EventFacts { Problem = problem }
            );
        }

        return entry with
        {
            Engine = null,
            Problem = problem,
            Tried = Time.GetTimestamp(),
        };
    }

    /// <summary>Stores what has just been started; where that fails it is stopped again.</summary>
    private void Keep(HostEntry<TConfig, TEngine> entry)
    {
        try
        {
            if (entry.IsStored)
            {
                Save(entry.Config);
            }
        }
        catch (RequestException)
        {
            entry.Engine?.Dispose();
            throw;
        }
    }

    private async Task TickAsync()
    {
        // Under the gate, so that no engine goes while it is looked after.
        using var gate = await Table.EnterAsync(CancellationToken.None);
        foreach (var entry in Table.All.Where(e => e.Engine is not null))
        {
            if (FailureOf(entry.Engine!) is { } failure)
            {
                _supervised.Run(entry.Name, () => End(entry, failure), _ => { });
            }
            else
            {
                _supervised.Run(entry.Name, () => Tick(entry), e => End(entry, e.Message));
            }
        }

        RetryFailed();
    }

    /// <summary>Tries failed ones again, those first that have waited longest.</summary>
    private void RetryFailed()
    {
        var due = Table
            .All.Where(e => e.Engine is null && Time.GetElapsedTime(e.Tried) >= RetryInterval)
            .OrderBy(e => e.Tried)
            .Take(RetriesPerTick);
        foreach (var entry in due.ToList())
        {
            Table.Set(TryStart(entry));
            OnChanged();
        }
    }

    /// <summary>One failed while it ran: the others go on.</summary>
    private void End(HostEntry<TConfig, TEngine> entry, string problem)
    {
        Table.Set(Failed(entry, problem));
        OnChanged();
        entry.Engine?.Dispose();
    }
}

/// <summary>What a host's are.</summary>
/// <param name="Name">What one of them is called.</param>
/// <param name="Capacity">The most of them.</param>
/// <param name="Absent">What is answered about a name that is not there.</param>
/// <param name="Limit">What is told when one more is refused.</param>
/// <param name="Started">What is told when one has started.</param>
/// <param name="Stopped">What is told when somebody has stopped one.</param>
/// <param name="Failed">What is told when one cannot start or has failed.</param>
internal sealed record HostedKind(
    string Name,
    int Capacity,
    Fault Absent,
    Limit Limit,
    EventKind Started,
    EventKind Stopped,
    EventKind Failed
);
