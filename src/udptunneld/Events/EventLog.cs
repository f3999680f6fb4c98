namespace UdpTunnel.Events;

/// <summary>
/// The last events, in two rings: what strangers can bring about pushes nothing else out. Watchers keep no queue of their own: each reads from the rings
/// where it left off, so that a slow one costs nothing and misses what was overwritten (visible as a gap in the sequence).
/// </summary>
internal sealed partial class EventLog(TimeProvider time, ILogger<EventLog> logger)
{
    /// <summary>How many events are remembered of what the daemon and its users did.</summary>
    public const int Capacity = 1024;

    /// <summary>How many of what strangers can bring about.</summary>
    public const int StrangersCapacity = 512;

    private readonly EventRing _own = new(Capacity);
    private readonly EventRing _strangers = new(StrangersCapacity);

    private readonly long[] _counts = new long[Enum.GetValues<EventKind>().Max(k => (int)k) + 1];

    // Protects the rings, their end, the counts and the signal.
    private readonly Lock _gate = new();
    private ulong _last;
    private TaskCompletionSource _added = NewSignal();

    /// <summary>Records an event and writes it to the log.</summary>
    public void Add(EventKind kind, EventLevel level, string tunnel, string message, Limit limit = Limit.None)
    {
        TaskCompletionSource added;
        lock (_gate)
        {
            _last++;
            _counts[(int)kind]++;
            (IsOfStrangers(kind) ? _strangers : _own).Add(new Event(_last, time.GetUtcNow(), kind, level, tunnel, message, limit));
            added = _added;
            _added = NewSignal();
        }

        added.SetResult();
        Log(level, tunnel, message);
    }

    /// <summary>How many events of a kind there were since the daemon started.</summary>
    public long Count(EventKind kind)
    {
        lock (_gate)
        {
            return _counts[(int)kind];
        }
    }

    /// <summary>The remembered events after a given one, oldest first.</summary>
    /// <param name="sequence">The last event already known; 0 for none.</param>
    public IReadOnlyList<Event> After(ulong sequence)
    {
        lock (_gate)
        {
            return Read(sequence);
        }
    }

    /// <summary>Waits until there are events after a given one.</summary>
    /// <param name="sequence">The last event already known; 0 for none.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<IReadOnlyList<Event>> WaitAfterAsync(ulong sequence, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task added;
            lock (_gate)
            {
                if (_last > sequence)
                {
                    return Read(sequence);
                }

                added = _added.Task;
            }

            await added.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Whether somebody without a role, on the network, can make as many of them as he likes.</summary>
    private static bool IsOfStrangers(EventKind kind) => kind is EventKind.PeerMoved or EventKind.PeerClaimed or EventKind.LimitReached
        or EventKind.SenderPending or EventKind.SenderDenied or EventKind.SenderGone;

    private List<Event> Read(ulong sequence) => [.. _own.After(sequence).Concat(_strangers.After(sequence)).OrderBy(e => e.Sequence)];

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Log(EventLevel level, string tunnel, string message)
    {
        var severity = level switch
        {
            EventLevel.Error => LogLevel.Error,
            EventLevel.Warning => LogLevel.Warning,
            _ => LogLevel.Information,
        };
        if (tunnel.Length > 0)
        {
            LogTunnel(severity, tunnel, message);
        }
        else
        {
            LogDaemon(severity, message);
        }
    }

    [LoggerMessage(Message = "{Tunnel}: {Message}")]
    private partial void LogTunnel(LogLevel level, string tunnel, string message);

    [LoggerMessage(Message = "{Message}")]
    private partial void LogDaemon(LogLevel level, string message);
}
