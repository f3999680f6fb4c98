// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.State;

namespace UdpTunnel.Tunnel;

/// <summary>
/// What a tunnel speaks, beside the path of its packets: which peers there are, where they are found, and what is
/// reported and kept of them. Called by the tunnel's host, one call at a time, while the worker uses <see
/// cref="Transport"/>.
/// </summary>
internal interface ITunnelProtocol : IDisposable
{
    /// <summary>The path of the packets.</summary>
    ITransport Transport { get; }

    /// <summary>Where all that goes out is counted, and all that is dropped on the way out.</summary>
    DirectionCounters Outgoing { get; }

    /// <summary>The peers at this moment: a list that never changes. For any thread.</summary>
    IReadOnlyList<Peer> Peers { get; }

    /// <summary>Grows whenever something has changed that <see cref="Save"/> tells.</summary>
    long Changes { get; }

    /// <summary>Takes in what a run before knew. Before <see cref="Start"/>.</summary>
    /// <returns>The numbers that peers have now, by the ones that they had; what is not in there is gone.</returns>
    IReadOnlyDictionary<ushort, ushort> Restore(Session session);

    /// <summary>Packets flow from now on.</summary>
    /// <param name="onWorker">Has the worker do something, while it uses nothing of the tunnel's.</param>
    void Start(Func<Action, Task> onWorker);

    /// <summary>Changes what can be changed while packets flow.</summary>
    /// <exception cref="RequestException">It is refused; everything is as before.</exception>
    void Apply(TunnelConfig config);

    /// <summary>Gives a device that was made again what belongs to the peers, their routes for example.</summary>
    /// <exception cref="LinuxException">The kernel refuses; it is tried again.</exception>
    void OnDeviceMade();

    /// <summary>Whether a route of the device is one that the tunnel's file asks for.</summary>
    bool HasRoute(DeviceRoute route);

    /// <summary>Adds what a next run should know.</summary>
    Session Save(Session session);

    /// <summary>Reports, once a second, what has become of the peers.</summary>
    /// <param name="now">Milliseconds of the monotonic clock.</param>
    void Report(long now);

    /// <summary>Adds what can be told of the peers, and the state that follows from it.</summary>
    TunnelStatus Describe(TunnelStatus status);
}
