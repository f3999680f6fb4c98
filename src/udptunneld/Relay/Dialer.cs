// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Config;
using UdpTunnel.Linux;

namespace UdpTunnel.Relay;

/// <summary>
/// Looks a receiver's name up, each time anew, and connects to the first of its addresses that answers. One thread
/// connects, any reads the counters.
/// </summary>
/// <param name="target">The receiver.</param>
/// <param name="stop">Ends an attempt to connect when raised.</param>
/// <param name="stopping">Ends a look-up.</param>
internal sealed class Dialer(HostPort target, WakeSignal stop, CancellationToken stopping)
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan LookUpTimeout = TimeSpan.FromSeconds(20);

    private long _lookUps;
    private long _failures;

    /// <summary>Look-ups of a name.</summary>
    public long LookUps => Volatile.Read(ref _lookUps);

    /// <summary>Those that failed.</summary>
    public long Failures => Volatile.Read(ref _failures);

    /// <summary>Connects.</summary>
    /// <exception cref="LinuxException">No address answers, or it was stopped.</exception>
    /// <exception cref="SocketException">The name is not known.</exception>
    /// <exception cref="TimeoutException">No name server answered in time.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public TcpSocket Connect()
    {
        var addresses = Resolve();
        for (var i = 0; ; i++)
        {
            try
            {
                return TcpSocket.Connect(addresses[i], ConnectTimeout, stop);
            }
            catch (LinuxException) when (i + 1 < addresses.Count && !stopping.IsCancellationRequested)
            {
                // A name may have an address that cannot be reached from here, such as an IPv6 one.
            }
        }
    }

    private List<IPEndPoint> Resolve()
    {
        if (target.TryGetAddress(out var literal))
        {
            return [new IPEndPoint(LinkName.WithZone(literal, target.Zone), target.Port)];
        }

        Interlocked.Increment(ref _lookUps);
        try
        {
            // This thread has nothing else to do, and the wait ends with the relay.
            var addresses = Dns.GetHostAddressesAsync(target.Host, stopping)
                .WaitAsync(LookUpTimeout, stopping)
                .GetAwaiter()
                .GetResult();
            return addresses.Length > 0
                ? [.. addresses.Select(a => new IPEndPoint(a, target.Port))]
                : throw new SocketException((int)SocketError.NoData);
        }
        catch (Exception e) when (e is SocketException or TimeoutException)
        {
            Interlocked.Increment(ref _failures);
            throw;
        }
    }
}
