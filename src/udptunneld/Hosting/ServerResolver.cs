using System.Net;
using System.Net.Sockets;
using UdpTunnel.Config;
using UdpTunnel.Events;

namespace UdpTunnel.Hosting;

/// <summary>
/// Keeps the address of a client's server current: looks the name up at once, again and again until it resolves, and then every 30 s. A look-up
/// that fails or answers nothing leaves the last good address in place.
/// </summary>
/// <param name="server">Host and port; a literal address is not looked up.</param>
/// <param name="tunnel">Name of the tunnel, for events.</param>
/// <param name="events">Where changes are told.</param>
/// <param name="time">The clock.</param>
/// <param name="lookUp">Resolves a name.</param>
/// <param name="found">Takes each new address.</param>
internal sealed class ServerResolver(
    HostPort server,
    string tunnel,
    EventLog events,
    TimeProvider time,
    Func<string, CancellationToken, Task<IPAddress[]>> lookUp,
    Action<IPEndPoint> found)
{
    /// <summary>Time between look-ups of a name that resolves.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(1);

    // Slower than a resolver's own retries (5 s, resolv.conf(5)), so that a look-up that would succeed is not cut off.
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(20);

    private IPAddress? _current;
    private long _lookUps;
    private long _failures;
    private bool _failing;

    /// <summary>Look-ups made.</summary>
    public long LookUps => Volatile.Read(ref _lookUps);

    /// <summary>Look-ups that failed or answered nothing.</summary>
    public long Failures => Volatile.Read(ref _failures);

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (server.TryGetAddress(out var literal))
        {
            found(new IPEndPoint(WithZone(literal), server.Port));
            return;
        }

        var retry = FirstRetry;
        while (!cancellationToken.IsCancellationRequested)
        {
            var wait = Interval;
            if (!await LookUpAsync(cancellationToken) && _current is null)
            {
                // Nothing to send to yet: the network may still be coming up.
                wait = retry;
                retry = TimeSpan.FromTicks(Math.Min(retry.Ticks * 2, Interval.Ticks));
            }

            await Task.Delay(wait, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Chooses among a name's addresses: the one in use if it is still there, else the first, which the system ranks best (RFC 6724).</summary>
    internal static IPAddress? Choose(IPAddress[] addresses, IPAddress? current) =>
        current is not null && addresses.Contains(current) ? current : addresses.FirstOrDefault();

    private async Task<bool> LookUpAsync(CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _lookUps);
        try
        {
            var addresses = await lookUp(server.Host, cancellationToken).WaitAsync(Timeout, time, cancellationToken);
            if (Choose(addresses, _current) is not { } chosen)
            {
                Fail("it has no address");
                return false;
            }

            Take(chosen);
            return true;
        }
        catch (Exception e) when (e is SocketException or TimeoutException)
        {
            Fail(e is TimeoutException ? "no answer in time" : e.Message);
            return false;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private void Take(IPAddress address)
    {
        _failing = false;
        if (address.Equals(_current))
        {
            return;
        }

        var endpoint = new IPEndPoint(address, server.Port);
        var message = _current is null
            ? $"{server.Host} is {endpoint}"
            : $"{server.Host} has moved from {_current} to {endpoint}";
        events.Add(EventKind.DnsChanged, EventLevel.Info, tunnel, message);
        _current = address;
        found(endpoint);
    }

    private void Fail(string reason)
    {
        Interlocked.Increment(ref _failures);
        if (_failing)
        {
            return;
        }

        _failing = true;
        var consequence = _current is null ? "trying again" : $"staying with {_current}";
        events.Add(EventKind.DnsFailed, EventLevel.Warning, tunnel, $"cannot resolve {server.Host}: {reason}; {consequence}");
    }

    /// <summary>A link-local address needs its device's number, which may change while the name stays.</summary>
    private IPAddress WithZone(IPAddress literal) =>
        server.Zone.Length > 0 && Linux.RouteSocket.FindLink(server.Zone) is { } index
            ? new IPAddress(literal.GetAddressBytes(), index)
            : literal;
}
