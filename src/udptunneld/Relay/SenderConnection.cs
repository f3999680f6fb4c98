using UdpTunnel.Linux;
using UdpTunnel.Relay.Flows;
using UdpTunnel.Relay.Link;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay;

/// <summary>A sender's connection to its receiver.</summary>
internal sealed class SenderConnection : IDisposable
{
    private string? _endReason;
    private long _deadline = RelayTimes.Now + RelayTimes.Handshake;

    public SenderConnection(TcpSocket socket, IRelayCodec codec, bool isTls, int maxFlows)
    {
        Link = new RelayLink(socket, codec, isTls);
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

    /// <summary>Whether handshake and hello are done.</summary>
    public bool IsGreeted { get; private set; }

    /// <summary>Whether datagrams flow.</summary>
    public bool IsLetIn { get; set; }

    /// <summary>Why the connection ended, if this end ended it.</summary>
    public string? EndReason => Volatile.Read(ref _endReason);

    /// <summary>Handshake and hello are done.</summary>
    public void Greeted()
    {
        IsGreeted = true;
        Volatile.Write(ref _deadline, long.MaxValue);
    }

    /// <summary>Ends it.</summary>
    /// <param name="reason">Why, for people here; the first reason counts.</param>
    public void End(string reason)
    {
        Interlocked.CompareExchange(ref _endReason, reason, null);
        Link.Shutdown();
    }

    /// <summary>Ends it if it took too long for what it does, or the receiver is dead; asks a silent one for a sign of life while it waits.</summary>
    public void Tick(long now)
    {
        var hasPings = !Link.Codec.NamesFlows;
        if (now > Volatile.Read(ref _deadline))
        {
            End($"it did not answer within {RelayTimes.Handshake / 1000} s; it may speak the classic protocol (--protocol)");
        }
        else if (hasPings && IsGreeted && Liveness.IsDead(now))
        {
            End($"nothing was heard of it for {RelayTimes.Dead / 1000} s");
        }
        else if (Link.Socket.IsUnanswered(TimeSpan.FromMilliseconds(RelayTimes.Dead)))
        {
            End($"it did not acknowledge anything for {RelayTimes.Dead / 1000} s");
        }
        else if (hasPings && IsGreeted && !IsLetIn && Liveness.ShouldAsk(now))
        {
            // While datagrams flow this is the loop's, and the link refuses it.
            Link.TryWrite(FrameType.Ping, []);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Link.Dispose();
}
