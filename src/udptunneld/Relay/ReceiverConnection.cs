using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Approval;
using UdpTunnel.Relay.Flows;
using UdpTunnel.Relay.Link;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay;

/// <summary>
/// One sender's connection at a receiver, from its first byte to its end. Its own thread reads it until it is let in, and hands it over then to the
/// receiver's thread, which reads and writes while datagrams flow.
/// </summary>
/// <remarks>
/// Nobody can be woken from a read without ending the connection. So the receiver's thread writes from the approval on, and reads only when the first bytes
/// after it have come: the connection's own thread got them, hands over and waits until the reading has ended.
/// </remarks>
internal sealed class ReceiverConnection : IApplicant, IDisposable
{
    private readonly ManualResetEventSlim _readingEnded = new();

    // So that of several that tell it something, the last one tells what is true.
    private readonly Lock _telling = new();
    private volatile ReceiverFlows? _flows;
    private volatile Denial? _goodbye;
    private volatile bool _isHandedOver;
    private volatile WaitingReason _waitsFor;
    private string? _endReason;
    private long _deadline;

    public ReceiverConnection(TcpSocket socket, IRelayCodec codec, bool isTls)
    {
        Remote = socket.Remote;
        Link = new RelayLink(socket, codec, isTls);
        _deadline = RelayTimes.Now + RelayTimes.Handshake;
    }

    /// <inheritdoc/>
    public KeyFingerprint? Key => Link.PeerKey;

    /// <inheritdoc/>
    public IPEndPoint Remote { get; }

    /// <summary>For people: key and address.</summary>
    public string Who => Key is { } key ? $"{key} from {Remote}" : $"a sender without a key from {Remote}";

    /// <summary>The connection.</summary>
    public RelayLink Link { get; }

    /// <summary>When the sender was heard.</summary>
    public Liveness Liveness { get; } = new(RelayTimes.Now);

    /// <summary>What the thread counts that reads at that time.</summary>
    public RelayCounters Counters { get; } = new();

    /// <summary>Its own thread.</summary>
    public Thread? Thread { get; set; }

    /// <summary>Whether the handshake is still going on.</summary>
    public bool IsHandshaking { get; set; } = true;

    /// <summary>Its own thread is through with it.</summary>
    public bool HasEnded { get; set; }

    /// <summary>Whether the receiver's thread may read it.</summary>
    public bool IsHandedOver => _isHandedOver;

    /// <summary>Whether the sender broke the protocol while datagrams flowed. Known when the reading has ended.</summary>
    public bool IsBroken { get; set; }

    /// <summary>The flows; null until it is let in.</summary>
    public ReceiverFlows? Flows => _flows;

    /// <summary>What the sender is to be told before its connection is closed.</summary>
    public Denial? Goodbye => _goodbye;

    /// <summary>Why the connection ended, if this end ended it.</summary>
    public string? EndReason => Volatile.Read(ref _endReason);

    /// <summary>Leaves reading to the receiver's thread. The connection's own.</summary>
    public void HandOver() => _isHandedOver = true;

    /// <summary>Waits until the receiver's thread reads no more. The connection's own.</summary>
    public void AwaitReadingEnd() => _readingEnded.Wait();

    /// <summary>Nothing more is read. The receiver's thread.</summary>
    public void EndReading()
    {
        _isHandedOver = false;
        _readingEnded.Set();
    }

    /// <summary>Whether the sender knows the frame that says why it waits.</summary>
    public bool KnowsWaiting { get; set; }

    /// <summary>Notes why the sender waits. One thread at a time.</summary>
    /// <returns>Whether that is news, which <see cref="TellWhy"/> tells it.</returns>
    public bool WaitsFor(WaitingReason reason)
    {
        var before = _waitsFor;
        _waitsFor = reason;
        return KnowsWaiting && before != reason;
    }

    /// <summary>Tells the sender why it waits; takes up to 2 s with one that does not read.</summary>
    public void TellWhy()
    {
        lock (_telling)
        {
            Link.TryWrite(FrameType.Waiting, [(byte)_waitsFor]);
        }
    }

    /// <summary>Lets datagrams through.</summary>
    public void LetIn(ReceiverFlows flows)
    {
        Volatile.Write(ref _deadline, long.MaxValue);
        _flows = flows;
    }

    /// <summary>It has no more than so long from now on.</summary>
    public void Limit(long milliseconds) => Volatile.Write(ref _deadline, RelayTimes.Now + milliseconds);

    /// <summary>Ends it.</summary>
    /// <param name="reason">Why, for people here; the first reason counts.</param>
    public void End(string reason)
    {
        Interlocked.CompareExchange(ref _endReason, reason, null);
        Link.Shutdown();
    }

    /// <summary>Tells the sender why, then ends it; for one that was not let in.</summary>
    public void Deny(Denial denial)
    {
        Interlocked.CompareExchange(ref _endReason, denial.Text, null);
        _goodbye = denial;
        if (!Link.TryWrite(FrameType.Denied, denial.Write()) || Link.Codec.NamesFlows)
        {
            Link.Shutdown();
            return;
        }

        // It may take the message in before it finds the end; if it does not leave by itself, Tick ends it.
        Link.Socket.FinishSending();
        Limit(RelayTimes.Leave);
    }

    /// <summary>Notes what the sender is to be told by the thread that writes to it.</summary>
    public void SayGoodbye(Denial denial)
    {
        Interlocked.CompareExchange(ref _endReason, denial.Text, null);
        _goodbye = denial;
    }

    /// <summary>Ends it if it took too long for what it does, or is dead.</summary>
    public void Tick(long now)
    {
        if (now > Volatile.Read(ref _deadline))
        {
            End(IsHandshaking ? "the TLS handshake took too long" : _goodbye?.Text ?? "nobody approved it in time");
        }
        else if (!IsHandshaking && !Link.Codec.NamesFlows && Liveness.IsDead(now))
        {
            End($"nothing was heard of it for {RelayTimes.Dead / 1000} s");
        }
        else if (Link.Socket.IsUnanswered(TimeSpan.FromMilliseconds(RelayTimes.Dead)))
        {
            End($"it did not acknowledge anything for {RelayTimes.Dead / 1000} s");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Link.Dispose();
        _readingEnded.Dispose();
    }
}
