// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Events;

namespace UdpTunnel.Hosting;

/// <summary>
/// All tunnels of the daemon, or all relays, by name. Changes are made one at a time, by who has entered; looking needs
/// no lock.
/// </summary>
/// <param name="kind">What they are called, one of them.</param>
/// <param name="capacity">The most of them.</param>
/// <param name="absent">What is answered about a name that is not there.</param>
/// <param name="limit">What is told when one more is refused.</param>
/// <param name="limits">Where it is told.</param>
/// <param name="names">The names that are taken, here and by the other kind.</param>
#pragma warning disable CA1001 // A semaphore without a wait handle holds nothing, and a late caller may still ask.
internal sealed class HostTable<T>(
    string kind,
    int capacity,
    Fault absent,
    Limit limit,
    LimitReport limits,
    HostNames names
)
    where T : class, IHosted
#pragma warning restore CA1001
{
    // Protects the table against changes; readers see one or the other immutable state of it.
    private readonly SemaphoreSlim _gate = new(1);
    private volatile SortedList<string, T> _entries = new(StringComparer.Ordinal);

    /// <summary>How many there are, whatever their state.</summary>
    public int Count => _entries.Count;

    /// <summary>All, in the order of their names.</summary>
    public IList<T> All => _entries.Values;

    /// <summary>
    /// Waits for other changes; until what this returns is disposed of, there are none but the caller's.
    /// </summary>
    public async Task<IDisposable> EnterAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        return new Leave(_gate);
    }

    /// <summary>The one of a name.</summary>
    /// <exception cref="RequestException">There is none.</exception>
    public T Find(string name) =>
        _entries.TryGetValue(name, out var entry)
            ? entry
            : throw new RequestException(absent, $"there is no {kind} named {Excerpt.Quote(name)}");

    /// <summary>Those of some names, in the order of these; all if there are none.</summary>
    /// <exception cref="RequestException">A name is unknown.</exception>
    public IEnumerable<T> FindAll(IReadOnlyCollection<string> names) =>
        names.Count == 0 ? _entries.Values : [.. names.Distinct().Order(StringComparer.Ordinal).Select(Find)];

    /// <summary>Those of some names that are still there; all if there are no names.</summary>
    public IEnumerable<T> FindExisting(IReadOnlySet<string> names) =>
        names.Count == 0 ? _entries.Values : _entries.Values.Where(e => names.Contains(e.Name));

    /// <summary>
    /// Takes a name and a place for one more, which are given back unless it is in the table when this ends. Only for
    /// who has entered.
    /// </summary>
    /// <exception cref="RequestException">The name is taken, or there are too many.</exception>
    public Reservation Reserve(string name)
    {
        names.Take(name, kind);
        if (_entries.Count < capacity)
        {
            return new Reservation(() => Release(name));
        }

        names.GiveBack(name);
        limits.Hit(limit, $"{capacity} {kind}s are there, which is the most: more are refused");
        throw new RequestException(Fault.LimitReached, $"{capacity} {kind}s are there already, which is the most");
    }

    /// <summary>
    /// Takes one in whose name is reserved, or in the place of what has its name. Only for who has entered.
    /// </summary>
    public void Set(T entry) => _entries = new(_entries, StringComparer.Ordinal) { [entry.Name] = entry };

    /// <summary>Takes one out. Only for who has entered.</summary>
    public void Remove(string name)
    {
        var entries = new SortedList<string, T>(_entries, StringComparer.Ordinal);
        entries.Remove(name);
        _entries = entries;
        names.GiveBack(name);
    }

    /// <summary>Takes all out, as the daemon ends. Only for who has entered.</summary>
    public void Clear() => _entries = new(StringComparer.Ordinal);

    private void Release(string name)
    {
        if (!_entries.ContainsKey(name))
        {
            names.GiveBack(name);
        }
    }

    /// <summary>A name that somebody is starting something under.</summary>
    internal readonly struct Reservation(Action end) : IDisposable
    {
        /// <inheritdoc/>
        public void Dispose() => end();
    }

    private sealed class Leave(SemaphoreSlim gate) : IDisposable
    {
        public void Dispose() => gate.Release();
    }
}
