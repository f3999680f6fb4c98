// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;

namespace UdpTunnel.Events;

/// <summary>
/// The last events, in a ring for each kind: what is repeated pushes out nothing but its like. What others can bring
/// about is bounded for each cause as well (<see cref="BoundedLines{TCause, TLine}"/>), in the rings and in the log.
/// Watchers keep no queue of their own: each reads from the rings where it left off, so that a slow one costs nothing
/// and misses what was overwritten (visible as a gap in the sequence).
/// </summary>
internal sealed partial class EventLog
{
    /// <summary>What is told only while somebody looks for a fault.</summary>
    public DebugLog Debug { get; }

    /// <summary>
    /// Names this run of the daemon: sequence numbers begin again with the next one, which has another name.
    /// </summary>
    public string BootId { get; } = Guid.NewGuid().ToString();

    /// <summary>How many events of each kind are remembered.</summary>
    public const int Capacity = 128;

    private static readonly int Kinds = Enum.GetValues<EventKind>().Max(k => (int)k) + 1;

    private readonly TimeProvider _time;
    private readonly ILogger<EventLog> _logger;
    private readonly BoundedLines<Cause, Line> _bounded;
    private readonly EventRing[] _rings = [.. Enumerable.Range(0, Kinds).Select(_ => new EventRing(Capacity))];
    private readonly long[] _counts = new long[Kinds];

    // Protects the rings, their end, the counts and the signal.
    private readonly Lock _gate = new();
    private ulong _last;
    private TaskCompletionSource _added = NewSignal();

    /// <param name="time">The clock.</param>
    /// <param name="logger">The log.</param>
    public EventLog(TimeProvider time, ILogger<EventLog> logger)
    {
        _time = time;
        _logger = logger;
        Debug = new DebugLog(time, logger);
        _bounded = new(time, (line, leftOut) =>
            Record(
                leftOut == 0
                    ? line
                    : line with
                    {
                        Message = string.Create(
                            CultureInfo.InvariantCulture,
                            $"{line.Message} (and {leftOut:N0} more like it, which were left out)"
                        ),
                        Facts = line.Facts with { LeftOut = (ulong)leftOut },
                    }
            )
        );
    }

    /// <summary>
    /// Records an event and writes it to the log; one of many alike is counted, and told with the next that is.
    /// </summary>
    public void Add(
        EventKind kind,
        EventLevel level,
        string tunnel,
        string message,
        EventFacts? facts = null,
        Limit limit = Limit.None
    )
    {
        lock (_gate)
        {
            _counts[(int)kind]++;
        }

        var line = new Line(kind, level, tunnel, message, limit, facts ?? EventFacts.None);
        if (IsOfOperators(kind))
        {
            Record(line);
        }
        else
        {
            _bounded.Add(new Cause(kind, tunnel, limit), line);
        }
    }

    /// <summary>How many events of a kind there were since the daemon started.</summary>
    public long Count(EventKind kind)
    {
        lock (_gate)
        {
            return _counts[(int)kind];
        }
    }

    /// <summary>The newest event's number; 0 before the first.</summary>
    public ulong Last
    {
        get
        {
            lock (_gate)
            {
                return _last;
            }
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

    /// <summary>Whether it only happens because somebody who may operate the daemon wants it.</summary>
    private static bool IsOfOperators(EventKind kind) =>
        kind
            is EventKind.DaemonStarted
                or EventKind.TunnelStarted
                or EventKind.TunnelStopped
                or EventKind.RelayStarted
                or EventKind.RelayStopped
                or EventKind.Reloaded
                or EventKind.StateDamaged;

    private void Record(Line line)
    {
        TaskCompletionSource added;
        lock (_gate)
        {
            _last++;
            _rings[(int)line.Kind]
                .Add(
                    new Event(
                        _last,
                        _time.GetUtcNow(),
                        line.Kind,
                        line.Level,
                        line.Tunnel,
                        line.Message,
                        line.Limit,
                        line.Facts
                    )
                );
            added = _added;
            _added = NewSignal();
        }

        added.SetResult();
        Log(line.Level, line.Tunnel, line.Message);
    }

    private List<Event> Read(ulong sequence) => [.. _rings.SelectMany(r => r.After(sequence)).OrderBy(e => e.Sequence)];

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

    /// <summary>What may write so many lines and no more.</summary>
    private readonly record struct Cause(EventKind Kind, string Tunnel, Limit Limit);

    private sealed record Line(
        EventKind Kind,
        EventLevel Level,
        string Tunnel,
        string Message,
        Limit Limit,
        EventFacts Facts
    );
}
