// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Linux;
using UdpTunnel.Memory;

namespace UdpTunnel.WireGuard;

/// <summary>
/// Sees to what peers are due for, and to what follows from what they send and get: begins handshakes, sends keepalives
/// and packets that have waited, renews sessions, forgets keys.
/// </summary>
/// <remarks>
/// A peer stands on the list of what is due at most for one moment that counts. Timers that have moved to a later one
/// are found out about when that moment comes, so that moving a timer costs nothing on the path of a packet.
/// </remarks>
internal sealed unsafe class PeerDriver : IDisposable
{
    private const int MaxPacket = 65_535;

    private readonly IWireGuardOutput _output;
    private readonly SessionTable _sessions;
    private readonly Handshaker _handshaker;
    private readonly WaitingPackets _waiting = new();
    private readonly NativeBuffer _scratch = new(MaxPacket + TransportMessage.Overhead + Protocol.PaddingMultiple);
    private readonly PriorityQueue<Peer, long> _schedule = new();
    private ulong _jitterState;

    /// <param name="handshaker">Makes handshakes.</param>
    /// <param name="sessions">Where sessions are entered.</param>
    /// <param name="random">For jitter.</param>
    /// <param name="output">Where datagrams and events go.</param>
    public PeerDriver(Handshaker handshaker, SessionTable sessions, RandomSource random, IWireGuardOutput output)
    {
        _handshaker = handshaker;
        _sessions = sessions;
        _output = output;
        _jitterState = ((ulong)random.NextUInt32() << 32) | random.NextUInt32() | 1;
    }

    /// <summary>Monotonic milliseconds.</summary>
    public long Now { get; private set; }

    /// <summary>MTU of the tunnel.</summary>
    public int Mtu { get; set; } = 1420;

    /// <summary>What was dropped, of all peers and of nobody.</summary>
    public DropCounters Drops { get; } = new();

    /// <summary>When something is due next.</summary>
    public long NextDue
    {
        get
        {
            while (_schedule.TryPeek(out var peer, out var due))
            {
                if (due == peer.ScheduledAt)
                {
                    return due;
                }

                _schedule.Dequeue();
            }

            return PeerTimers.Off;
        }
    }

    /// <summary>The wall clock.</summary>
    public Tai64n Wall { get; private set; }

    /// <summary>Moves time on, and does what is due.</summary>
    public void Advance(long now, Tai64n wall)
    {
        Now = Math.Max(Now, now);
        Wall = wall;
        while (NextDue <= Now)
        {
            var peer = _schedule.Dequeue();
            peer.ScheduledAt = PeerTimers.Off;
            for (var action = peer.Timers.TakeDue(Now); action != PeerAction.None; action = peer.Timers.TakeDue(Now))
            {
                Do(peer, action);
            }

            Schedule(peer);
        }
    }

    /// <summary>Puts a peer on the list, unless it is there already for an earlier moment.</summary>
    public void Schedule(Peer peer)
    {
        var due = peer.Timers.Due;
        if (due < peer.ScheduledAt && !peer.IsRemoved)
        {
            peer.ScheduledAt = due;
            _schedule.Enqueue(peer, due);
        }
    }

    /// <summary>Counts drops, of a peer if it is known.</summary>
    public WireGuardDrop Drop(Peer? peer, WireGuardDrop reason, int count = 1)
    {
        Drops.Add(reason, count);
        peer?.Counters.Drops.Add(reason, count);
        return reason;
    }

    /// <summary>Begins a handshake, unless one was begun less than five seconds ago.</summary>
    /// <param name="peer">With whom.</param>
    /// <param name="isRetry">Whether it is one of those that are counted until they are given up.</param>
    public void Initiate(Peer peer, bool isRetry = false)
    {
        if (!isRetry)
        {
            peer.Timers.ResetAttempts();
        }

        if (peer.Endpoint.IsNone)
        {
            return;
        }

        if (Now - peer.InitiatedAt >= Protocol.RekeyTimeout)
        {
            _handshaker.Initiate(peer, Now, Wall, NextJitter());
        }
        else
        {
            peer.Timers.OnInitiationPutOff(peer.InitiatedAt + Protocol.RekeyTimeout);
        }

        Schedule(peer);
    }

    /// <summary>Whether there is a session to send with.</summary>
    public bool CanSend(Peer peer) => peer.Current is { } session && session.CanSend(Now, 1);

    /// <summary>Begins to seal packets, if there is a session to send with.</summary>
    public bool TryBegin(Peer peer, int packets, out SealRun run)
    {
        if (peer.Current is { } session && session.CanSend(Now, packets))
        {
            run = new SealRun(session, packets, Math.Min(Mtu, peer.PaddingLimit));
            return true;
        }

        run = default;
        return false;
    }

    /// <summary>Takes note of packets that were sealed.</summary>
    public void End(ref SealRun run)
    {
        if (run.Packets > 0)
        {
            run.Peer.Counters.PacketsOut += run.Packets;
            run.Peer.Timers.OnDataSent(Now, NextJitter());
            OnSealed(run.Session, run.Bytes);
        }
    }

    /// <summary>Keeps a packet until there is a session.</summary>
    public WireGuardDrop Wait(Peer peer, byte* packet, int length)
    {
        if (peer.Endpoint.IsNone)
        {
            return Drop(peer, WireGuardDrop.NoEndpoint);
        }

        var waits = _waiting.Add(ref peer.WaitingQueue, packet, length, out var dropped);
        Drop(peer, WireGuardDrop.QueueFull, dropped + (waits ? 0 : 1));
        Initiate(peer);
        return waits ? WireGuardDrop.None : WireGuardDrop.QueueFull;
    }

    /// <summary>Drops what waits for a peer.</summary>
    public void DropWaiting(Peer peer) =>
        Drop(peer, WireGuardDrop.HandshakeFailed, _waiting.Clear(ref peer.WaitingQueue));

    /// <summary>
    /// Takes note of an initiation that was answered: its sender is there, but not known to be where it seems.
    /// </summary>
    public void OnInitiation(Peer peer)
    {
        OnReceived(peer);
        Schedule(peer);
    }

    /// <summary>Takes note of the response to an initiation of ours, which has made a session.</summary>
    public void OnResponse(Peer peer, in Endpoint source)
    {
        MoveEndpoint(peer, source);
        OnReceived(peer);
        Complete(peer);

        // The peer may not use the session before it knows that we have it.
        if (!SendWaiting(peer))
        {
            SendKeepalive(peer);
        }

        Schedule(peer);
    }

    /// <summary>Takes note of an authentic packet that has not been received before.</summary>
    /// <param name="session">Whose it is.</param>
    /// <param name="source">Where it came from.</param>
    /// <param name="bytes">Length of the message.</param>
    /// <param name="isKeepalive">Whether there is no packet in it.</param>
    public void OnPacket(Session session, in Endpoint source, int bytes, bool isKeepalive)
    {
        var peer = session.Peer;
        session.LastReceivedAt = Now;
        peer.Counters.BytesIn += bytes;
        MoveEndpoint(peer, source);
        OnReceived(peer);
        if (ReferenceEquals(session, peer.Next))
        {
            peer.ConfirmNext(_sessions);
            Complete(peer);
            SendWaiting(peer);
        }

        RekeyLate(peer);
        if (isKeepalive)
        {
            peer.Counters.KeepalivesIn++;
        }
        else
        {
            peer.Timers.OnDataReceived(Now);
        }

        Schedule(peer);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _waiting.Dispose();
        _scratch.Dispose();
    }

    private void Do(Peer peer, PeerAction action)
    {
        switch (action)
        {
            case PeerAction.ForgetKeys:
                peer.EndSessions(_sessions);
                _output.Notify(peer, PeerEvent.KeysForgotten);
                break;
            case PeerAction.RetryHandshake:
                _output.Notify(peer, PeerEvent.SourceDoubtful);
                Initiate(peer, isRetry: true);
                break;
            case PeerAction.GiveUp:
                peer.ClearPending(_sessions);
                peer.Counters.HandshakesGivenUp++;
                DropWaiting(peer);
                _output.Notify(peer, PeerEvent.HandshakeGivenUp);
                break;
            case PeerAction.EndSilence:
                _output.Notify(peer, PeerEvent.SourceDoubtful);
                Initiate(peer);
                break;
            case PeerAction.SendKeepalive:
            case PeerAction.SendPersistentKeepalive:
                SendKeepalive(peer);
                break;
        }
    }

    private void Complete(Peer peer)
    {
        peer.Timers.OnHandshakeCompleted();
        peer.LastHandshakeAt = Now;
        peer.HasRekeyedLate = false;
        peer.Counters.HandshakesCompleted++;
        peer.Signs.OnCompleted();
        _output.Notify(peer, PeerEvent.HandshakeCompleted);
    }

    private void OnReceived(Peer peer)
    {
        peer.LastReceivedAt = Now;
        peer.Timers.OnReceived(Now);
    }

    private void OnSealed(Session session, long bytes)
    {
        var peer = session.Peer;
        peer.Counters.BytesOut += bytes;
        peer.Timers.OnSent(Now);
        if (
            session.NextCounter > Protocol.RekeyAfterMessages
            || (session.IsInitiator && session.AgeAt(Now) >= Protocol.RekeyAfterTime)
        )
        {
            Initiate(peer);
        }

        Schedule(peer);
    }

    /// <summary>
    /// An end that only receives does not notice by sending that its session grows old. Shortly before the other could
    /// no longer send, the end that began it begins the next, once.
    /// </summary>
    private void RekeyLate(Peer peer)
    {
        const long Late = Protocol.RejectAfterTime - Protocol.KeepaliveTimeout - Protocol.RekeyTimeout;
        if (!peer.HasRekeyedLate && peer.Current is { IsInitiator: true } session && session.AgeAt(Now) >= Late)
        {
            peer.HasRekeyedLate = true;
            Initiate(peer);
        }
    }

    /// <returns>Whether anything waited.</returns>
    private bool SendWaiting(Peer peer)
    {
        if (peer.WaitingQueue.Packets == 0 || !TryBegin(peer, peer.WaitingQueue.Packets, out var run))
        {
            return false;
        }

        while (peer.WaitingQueue.Packets > 0)
        {
            var length = _waiting.Take(ref peer.WaitingQueue, _scratch.Start + TransportMessage.HeaderSize);
            var sealedLength = run.Seal(_scratch.Start, length);
            if (sealedLength > 0)
            {
                _output.Send(_scratch.Start, sealedLength, length, peer.Endpoint, peer);
            }
            else
            {
                Drop(peer, WireGuardDrop.CryptoFailed);
            }
        }

        End(ref run);
        return true;
    }

    private void SendKeepalive(Peer peer)
    {
        if (!TryBegin(peer, 1, out var run))
        {
            Initiate(peer);
            return;
        }

        var length = run.Seal(_scratch.Start, 0);
        if (length > 0)
        {
            peer.Counters.KeepalivesOut++;
            _output.Send(_scratch.Start, length, 0, peer.Endpoint, peer);
            OnSealed(run.Session, length);
        }
    }

    private void MoveEndpoint(Peer peer, in Endpoint source)
    {
        if (!source.Equals(peer.Endpoint))
        {
            peer.Counters.EndpointMoves += peer.Endpoint.IsNone ? 0 : 1;
            peer.SetEndpoint(source);
            _output.Notify(peer, PeerEvent.EndpointMoved);
        }
    }

    /// <summary>A few milliseconds by chance (xorshift64*), which need not be secret.</summary>
    private long NextJitter()
    {
        _jitterState ^= _jitterState >> 12;
        _jitterState ^= _jitterState << 25;
        _jitterState ^= _jitterState >> 27;
        return (long)(((_jitterState * 0x2545_F491_4F6C_DD1D) >> 33) % (Protocol.MaxJitter + 1));
    }
}
