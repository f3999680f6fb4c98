// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Crypto;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Approval;
using UdpTunnel.Relay.Flows;
using UdpTunnel.Relay.Link;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay;

/// <summary>
/// Where a connection of a sender stands at its receiver. <see cref="ReceiverConnections"/> alone moves it.
/// </summary>
internal enum ConnectionState
{
    /// <summary>It was accepted and has not proven a key, or not said hello.</summary>
    Handshake,

    /// <summary>It waits for a person, or for another sender to go.</summary>
    Waiting,

    /// <summary>Datagrams flow.</summary>
    Serving,

    /// <summary>Nothing more is said to it; it may still take the last words in.</summary>
    Leaving,

    /// <summary>It is closed.</summary>
    Ended,
}

/// <summary>How far the handshake is, one step after the other.</summary>
internal enum GreetingStep
{
    FirstByte,
    Tls,
    Hello,
    Done,
}

/// <summary>
/// One sender's connection at a receiver, from its acceptance to its end. It belongs to the receiver's thread; a
/// person's decision about it comes from other threads (<see cref="Decide"/>), which may also read it.
/// </summary>
internal sealed class ReceiverConnection : IApplicant, IHandshake, IDisposable
{
    private volatile ReceiverFlows? _flows;
    private volatile KeyFingerprint? _key;
    private volatile Introduction _introduction = Introduction.None;
    private volatile ServiceOffer? _accepted;
    private Denial? _decision;

    /// <param name="id">Tells it apart from all others of the receiver.</param>
    /// <param name="socket">The connection; it becomes this object's.</param>
    /// <param name="codec">The protocol.</param>
    /// <param name="context">The own key; null for no TLS.</param>
    /// <param name="counters">Of the receiver's thread.</param>
    /// <exception cref="InsufficientMemoryException">
    /// There is no memory for it; the socket stays the caller's.
    /// </exception>
    public ReceiverConnection(
        ulong id,
        TcpSocket socket,
        IRelayCodec codec,
        TlsContext? context,
        RelayCounters counters
    )
    {
        Id = id;
        Remote = socket.Remote;
        Network = SourceNetwork.Of(socket.Remote.Address);
        Link = new RelayLink(socket, codec, context, isReceiver: true);
        Counters = counters;
        Step = context is null ? GreetingStep.Done : GreetingStep.FirstByte;
    }

    /// <summary>Tells it apart from all others of the receiver.</summary>
    public ulong Id { get; }

    /// <inheritdoc/>
    public KeyFingerprint? Key => _key;

    /// <inheritdoc/>
    public IPEndPoint Remote { get; }

    /// <inheritdoc/>
    public SourceNetwork Network { get; }

    /// <inheritdoc/>
    public ulong Instance => Introduction.Instance;

    /// <summary>The sender's words of itself.</summary>
    public Introduction Introduction
    {
        get => _introduction;
        set => _introduction = value;
    }

    /// <summary>The ports that are taken of it; null for all, where the protocol carries one service.</summary>
    public ServiceOffer? Accepted
    {
        get => _accepted;
        set => _accepted = value;
    }

    /// <summary>The sender serves other ports than before, while datagrams flow.</summary>
    public bool HasNewOffer { get; set; }

    /// <summary>For people: key, address, host and relay.</summary>
    public string DisplayName
    {
        get
        {
            var name = Key is { } key ? $"{key} from {Remote}" : $"a sender without a key from {Remote}";
            return Introduction.ToDisplayText() is { Length: > 0 } words ? $"{name} ({words})" : name;
        }
    }

    /// <summary>The connection.</summary>
    public RelayLink Link { get; }

    /// <summary>When the sender was heard.</summary>
    public Liveness Liveness { get; } = new(RelayTimes.Now);

    /// <summary>Of the receiver's thread.</summary>
    public RelayCounters Counters { get; }

    /// <summary>Where it stands.</summary>
    public ConnectionState State { get; set; }

    /// <summary>How far the handshake is.</summary>
    public GreetingStep Step { get; private set; }

    /// <inheritdoc/>
    int IHandshake.Step => (int)Step;

    /// <inheritdoc/>
    public long LastStep { get; private set; } = RelayTimes.Now;

    /// <summary>It has to be in another state before this time.</summary>
    public long Deadline { get; set; } = long.MaxValue;

    /// <summary>Events that epoll watches for.</summary>
    public uint Watched { get; set; }

    /// <summary>Bytes that it sent since the last tick while it waits.</summary>
    public int BytesWhileWaiting { get; set; }

    /// <summary>Whether the sender knows the frame that says why it waits.</summary>
    public bool KnowsWaiting { get; set; }

    /// <summary>The reason that it was told last.</summary>
    public WaitingReason ToldReason { get; set; }

    /// <summary>Whether the sender broke the protocol while datagrams flowed.</summary>
    public bool IsBroken { get; set; }

    /// <summary>The flows; null before datagrams flow.</summary>
    public ReceiverFlows? Flows
    {
        get => _flows;
        set => _flows = value;
    }

    /// <summary>Why it is to leave, by a decision of this end; null if it may stay.</summary>
    public Denial? Decision => Volatile.Read(ref _decision);

    /// <summary>
    /// It is to leave. Any thread; the first decision counts, and the receiver's thread has to be woken for it.
    /// </summary>
    public void Decide(Denial denial) => Interlocked.CompareExchange(ref _decision, denial, null);

    /// <summary>Whether datagrams to a port of the receiver are for it.</summary>
    public bool Takes(int port) => Accepted is not { } accepted || accepted.Contains(port);

    /// <summary>The sender says which ports it serves from now on.</summary>
    /// <returns>False if it breaks the protocol.</returns>
    public bool TakeOffer(ReadOnlySpan<byte> payload)
    {
        if (Link.Version < 2 || ServiceOffer.Read(ref payload) is not { } offer)
        {
            return false;
        }

        Introduction = Introduction with { Offer = offer };
        HasNewOffer = true;
        return true;
    }

    /// <summary>A step of the handshake is done.</summary>
    public void StepTo(GreetingStep step, long now)
    {
        Step = step;
        LastStep = now;
        if (step == GreetingStep.Hello)
        {
            _key = Link.PeerKey;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Link.Dispose();
}
