// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;

namespace UdpTunnel.Tunnel.Secure;

/// <summary>
/// Looks up where a peer is that the file names by a host's name or with a zone. An answer counts while there is no
/// session with the peer: one that answers from elsewhere is known to be there.
/// </summary>
internal sealed class EndpointLookUp : IDisposable
{
    private readonly ServerResolver _resolver;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;
    private readonly int _port;
    private IPEndPoint? _untried;

    /// <param name="endpoint">What the file says.</param>
    /// <param name="tunnel">Name of the tunnel, for events.</param>
    /// <param name="events">Where changes are reported.</param>
    /// <param name="time">The clock.</param>
    /// <param name="found">Is called after each new answer, by any thread.</param>
    public EndpointLookUp(HostPort endpoint, string tunnel, EventLog events, TimeProvider time, Action found)
    {
        _port = endpoint.Port;
        _resolver = new ServerResolver(
            endpoint,
            tunnel,
            events,
            time,
            Dns.GetHostAddressesAsync,
            LinkName.WithZone,
            OnFound
        );
        _running = Task.Run(() => _resolver.RunAsync(_stop.Token));

        void OnFound(IPEndPoint address)
        {
            Volatile.Write(ref _untried, address);
            found();
        }
    }

    /// <summary>Look-ups that were made.</summary>
    public long LookUps => _resolver.LookUps;

    /// <summary>Look-ups that failed or answered nothing.</summary>
    public long Failures => _resolver.Failures;

    /// <summary>All places where the peer may be, by the addresses of its name. For any thread.</summary>
    public IEnumerable<IPEndPoint> All => _resolver.Addresses.Select(address => new IPEndPoint(address, _port));

    /// <summary>Whether there is more than one. For any thread.</summary>
    public bool HasSeveral => _resolver.Addresses.Length > 1;

    /// <summary>The last answer, until somebody has <see cref="Take"/>n it.</summary>
    public IPEndPoint? Untried => Volatile.Read(ref _untried);

    /// <summary>Takes the last answer, once.</summary>
    public IPEndPoint? Take() => Interlocked.Exchange(ref _untried, null);

    /// <summary>Whether a file's endpoint has to be looked up.</summary>
    public static bool Needs(HostPort endpoint) => !endpoint.TryGetAddress(out _) || endpoint.Zone.Length > 0;

    /// <summary>Ends the look-ups; none is under way when this returns.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _running.Wait();
        _stop.Dispose();
    }
}
