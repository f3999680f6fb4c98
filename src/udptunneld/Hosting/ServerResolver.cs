// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Events;

namespace UdpTunnel.Hosting;

/// <summary>
/// Keeps the address of a client's server current: looks the name up at once, again and again until it resolves, and
/// then every 30 s. A look-up that fails or answers nothing leaves the last good address in place. The device of a
/// link-local address is looked up likewise, every 5 s: it may come later, or come back with another number. A name
/// may have several addresses: who finds that one does not work asks for the next (<see cref="TryNext"/>).
/// </summary>
/// <param name="server">Host and port; of a literal address only the zone is looked up.</param>
/// <param name="tunnel">Name of the tunnel, for events.</param>
/// <param name="events">Where changes are told.</param>
/// <param name="time">The clock.</param>
/// <param name="lookUp">Resolves a name.</param>
/// <param name="withZone">
/// Completes a link-local address with its device (<see cref="Linux.LinkName.WithZone"/>).
/// </param>
/// <param name="found">Takes each new address.</param>
/// <param name="choose">
/// Chooses among a name's addresses; null to keep the one in use (<see cref="NameAddresses.Take"/>).
/// </param>
internal sealed class ServerResolver(
    HostPort server,
    string tunnel,
    EventLog events,
    TimeProvider time,
    Func<string, CancellationToken, Task<IPAddress[]>> lookUp,
    Func<IPAddress, string, IPAddress> withZone,
    Action<IPEndPoint> found,
    Func<IPAddress[], IPAddress?>? choose = null
)
{
    /// <summary>Time between look-ups of a name that resolves.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    /// <summary>Time between look-ups of a device, which cost a system call or two and leave this host alone.</summary>
    public static readonly TimeSpan ZoneInterval = TimeSpan.FromSeconds(5);

    // From one look-up to the next where somebody hurries.
    private static readonly TimeSpan HurriedInterval = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(1);

    // Slower than a resolver's own retries (5 s, resolv.conf(5)), so that a look-up that would succeed is not cut off.
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(20);

    // One address after the other reaches who takes them.
    private readonly Lock _taking = new();
    private readonly NameAddresses _addresses = new();
    private IPAddress? _current;
    private long _lookUps;
    private long _failures;
    private bool _failing;
    private bool _isStillListed;
    private long _lookedUp;
    private CancellationTokenSource? _pause;

    /// <summary>Look-ups of a name that were made.</summary>
    public long LookUps => Volatile.Read(ref _lookUps);

    /// <summary>Look-ups of a name that failed or answered nothing.</summary>
    public long Failures => Volatile.Read(ref _failures);

    /// <summary>All addresses that the name had last; empty for a literal address. Any thread.</summary>
    public IPAddress[] Addresses => _addresses.All;

    /// <summary>Begins with an address that a run before used, if the name still has it.</summary>
    public void Prefer(IPAddress address) => _addresses.Use(address);

    /// <summary>Runs until cancelled. Never fails: whatever a look-up throws is a failed look-up.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (server.TryGetAddress(out var literal) && server.Zone.Length == 0)
        {
            found(new IPEndPoint(literal, server.Port));
            return;
        }

        var interval = literal is null ? Interval : ZoneInterval;
        var retry = FirstRetry;
        while (!cancellationToken.IsCancellationRequested)
        {
            var wait = interval;
            if (!await TryLookUpAsync(literal, cancellationToken) && _current is null)
            {
                // Nothing to send to yet: the network may still be coming up.
                wait = retry;
                retry = TimeSpan.FromTicks(Math.Min(retry.Ticks * 2, interval.Ticks));
            }

            using var pause = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            Volatile.Write(ref _pause, pause);
            await Task.Delay(wait, time, pause.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Volatile.Write(ref _pause, null);
        }
    }

    /// <summary>The address in use does not work: goes on to the next one of the name, if it has another.</summary>
    /// <returns>The address that follows; null if there is none. Any thread.</returns>
    public IPEndPoint? TryNext()
    {
        lock (_taking)
        {
            if (_current is null || _addresses.Leave(_current) is not { } next)
            {
                return null;
            }

            var endpoint = new IPEndPoint(next, server.Port);
            _current = next;
            found(endpoint);
            return endpoint;
        }
    }

    /// <summary>
    /// Looks the name up now, unless that was done in the last 2 s: the address does not answer. Any thread.
    /// </summary>
    public void Hurry()
    {
        if (
            Volatile.Read(ref _pause) is { } pause
            && time.GetElapsedTime(Volatile.Read(ref _lookedUp)) >= HurriedInterval
        )
        {
            try
            {
                pause.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // It looks already.
            }
        }
    }

    private async Task<bool> TryLookUpAsync(IPAddress? literal, CancellationToken cancellationToken)
    {
        try
        {
            Volatile.Write(ref _lookedUp, time.GetTimestamp());
            var address = literal is null ? await LookUpAsync(cancellationToken) : withZone(literal, server.Zone);
            if (address is null)
            {
                Fail("it has no address");
                return false;
            }

            Take(address);
            return true;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return false;
        }
        catch (Exception e)
        {
            // The next try is as good as this one: nothing that a look-up throws may end the look-ups.
            Fail(e is TimeoutException ? "no answer in time" : e.Message);
            return false;
        }
    }

    private async Task<IPAddress?> LookUpAsync(CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _lookUps);
        var addresses = await lookUp(server.Host, cancellationToken).WaitAsync(Timeout, time, cancellationToken);
        events.Debug.Write(tunnel, $"{server.Host} is {string.Join(", ", addresses.Select(a => a.ToString()))}");
        _isStillListed = _current is not null && addresses.Contains(_current);
        return (choose ?? _addresses.Take)(addresses);
    }

    private void Take(IPAddress address)
    {
        _failing = false;
        lock (_taking)
        {
            // Somebody may have gone on to the next one since the look-up.
            var now = choose is null && _addresses.All.Length > 0 ? _addresses.Current! : address;
            if (!now.Equals(_current))
            {
                Move(now);
            }
        }
    }

    private void Move(IPAddress address)
    {
        var endpoint = new IPEndPoint(address, server.Port);
        var message = _current is null
            ? $"{server.Host} is {endpoint}"
            : $"{server.Host} has moved from {_current} to {endpoint}";
        var before = _current is null ? "" : $"{new IPEndPoint(_current, server.Port)}";
        found(endpoint);
        _current = address;
        if (_isStillListed)
        {
            // Another address of the same name: who chose it says why.
            return;
        }

        events.Add(
            EventKind.DnsChanged,
            EventLevel.Info,
            tunnel,
            message,
            new EventFacts
            {
                Host = server.Host,
                Endpoint = $"{endpoint}",
                PreviousEndpoint = before,
            }
        );
    }

    private void Fail(string reason)
    {
        if (server.Zone.Length == 0)
        {
            Interlocked.Increment(ref _failures);
        }

        if (_failing)
        {
            events.Debug.Write(tunnel, $"{server.Host} still does not resolve: {reason}");
            return;
        }

        _failing = true;
        var consequence = _current is null ? "trying again" : $"staying with {_current}";
        events.Add(
            EventKind.DnsFailed,
            EventLevel.Warning,
            tunnel,
            $"cannot resolve {server.Host}: {reason}; {consequence}",
            new EventFacts { Host = server.Host, Problem = reason }
        );
    }
}
