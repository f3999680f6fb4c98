// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Crypto;
using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Flows;
using UdpTunnel.Relay.Link;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay;

/// <summary>
/// A sender's connection to its receiver. It belongs to the sender's thread (<see cref="SenderSession"/>); any may end
/// it and read how it is.
/// </summary>
internal sealed class SenderConnection : IDisposable
{
    private readonly Endpoint _local;
    private bool _hadAddress;
    private string? _endReason;
    private volatile ConnectionState _state;
    private long _idleTimeout = long.MaxValue;
    private volatile AnswersFrom _answersFrom;
    private volatile ServiceTargets _targets;
    private volatile int _proxy;

    /// <param name="socket">The connection; it becomes this object's.</param>
    /// <param name="codec">The protocol.</param>
    /// <param name="context">The own key; null for no TLS.</param>
    /// <param name="maxFlows">Most flows.</param>
    /// <param name="targets">Where the services are.</param>
    public SenderConnection(
        TcpSocket socket,
        IRelayCodec codec,
        TlsContext? context,
        int maxFlows,
        ServiceTargets targets
    )
    {
        _targets = targets;
        _local = socket.Local;
        Link = new RelayLink(socket, codec, context, isReceiver: false);
        Flows = new SenderFlows(maxFlows, codec);
    }

    /// <summary>The connection.</summary>
    public RelayLink Link { get; }

    /// <summary>The flows.</summary>
    public SenderFlows Flows { get; }

    /// <summary>What was carried and dropped.</summary>
    public RelayCounters Counters { get; } = new();

    /// <summary>When the receiver was heard.</summary>
    public Liveness Liveness { get; } = new(RelayTimes.Now);

    /// <summary>Where it stands; its session alone moves it.</summary>
    public ConnectionState State
    {
        get => _state;
        set => _state = value;
    }

    /// <summary>Whether handshake and hello were done.</summary>
    public bool IsGreeted { get; set; }

    /// <summary>Whether datagrams have flowed.</summary>
    public bool IsAdmitted { get; set; }

    /// <summary>After so many milliseconds without a datagram a flow ends. Any thread may change it.</summary>
    public long IdleTimeout
    {
        get => Volatile.Read(ref _idleTimeout);
        set => Volatile.Write(ref _idleTimeout, value);
    }

    /// <summary>Whose answers are taken. Any thread may change it.</summary>
    public AnswersFrom AnswersFrom
    {
        get => _answersFrom;
        set => _answersFrom = value;
    }

    /// <summary>Where the services are. Any thread may change it; the connection's own follows.</summary>
    public ServiceTargets Targets
    {
        get => _targets;
        set => _targets = value;
    }

    /// <summary>Whether new flows tell their service who the client is. Any thread may change it.</summary>
    public ProxyProtocol Proxy
    {
        get => (ProxyProtocol)_proxy;
        set => _proxy = (int)value;
    }

    /// <summary>What the receiver told of its flows.</summary>
    public FlowOrigins Origins { get; } = new();

    /// <summary>
    /// Why the connection cannot carry what it should, with the version that both ends speak; null if it can.
    /// </summary>
    public string? Shortcoming =>
        Link.Version >= 2 || Link.Codec.NamesFlows ? null
        : !Targets.Offer.IsSole ? "it speaks version 1 of the protocol, which carries one service: update it"
        : Proxy != ProxyProtocol.Off
            ? "it speaks version 1 of the protocol, which does not tell who a client is (ProxyProtocol): update it"
        : null;

    /// <summary>Why the connection ended, if this end ended it.</summary>
    public string? EndReason => Volatile.Read(ref _endReason);

    /// <summary>Ends it. Any thread: its own is woken.</summary>
    /// <param name="reason">Why, for people here; the first reason counts.</param>
    public void End(string reason)
    {
        Interlocked.CompareExchange(ref _endReason, reason, null);
        Link.Shutdown();
    }

    /// <summary>
    /// Ends it if the receiver is dead, or if this host has lost the address that it goes from. One thread at a time.
    /// </summary>
    /// <param name="now">Milliseconds.</param>
    /// <param name="addresses">Those of this host.</param>
    public void Tick(long now, HostAddresses addresses)
    {
        Liveness.Look(Link.Socket.AcknowledgedUnderway(), now);
        var isGreeted = State is ConnectionState.Waiting or ConnectionState.Serving;
        if (isGreeted && !Link.Codec.NamesFlows && Liveness.IsDead(now))
        {
            End($"nothing was heard of it for {RelayTimes.Dead / 1000} s");
        }
        else if (Link.Socket.IsUnanswered(TimeSpan.FromMilliseconds(RelayTimes.Dead)))
        {
            End($"it did not acknowledge anything for {RelayTimes.Dead / 1000} s");
        }

        var hasAddress = HasAddress(addresses);
        if (_hadAddress && !hasAddress)
        {
            End($"this host no longer has the address that the connection goes from ({_local.ToIPEndPoint().Address})");
        }

        _hadAddress = hasAddress;
    }

    /// <inheritdoc/>
    public void Dispose() => Link.Dispose();

    private bool HasAddress(HostAddresses addresses)
    {
        var (high, low) = _local.AddressBits;
        return _local.IsV4 ? addresses.Contains((uint)low) : addresses.Contains(new UInt128(high, low));
    }
}
