// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.WireGuard;

/// <summary>What a peer is due for.</summary>
internal enum PeerAction
{
    /// <summary>Nothing now.</summary>
    None,

    /// <summary>Zero all keys: the last session is long dead.</summary>
    ForgetKeys,

    /// <summary>Send the initiation again: no response came.</summary>
    RetryHandshake,

    /// <summary>Stop trying.</summary>
    GiveUp,

    /// <summary>Begin a handshake: data was sent, and nothing at all came back.</summary>
    EndSilence,

    /// <summary>Say that we are there: data was received, and nothing sent since.</summary>
    SendKeepalive,

    /// <summary>Keep a NAT's memory of us alive.</summary>
    SendPersistentKeepalive,
}

/// <summary>
/// The timers of a peer (section 6 of the paper). Each is a moment of monotonic milliseconds or off; what happens moves
/// them, and nothing runs until somebody asks what is due.
/// </summary>
internal sealed class PeerTimers
{
    /// <summary>A moment that never comes.</summary>
    public const long Off = long.MaxValue;

    // Initiations without a response in the time for which a handshake is tried.
    private const int MaxAttempts = (int)(Protocol.RekeyAttemptTime / Protocol.RekeyTimeout);

    private long _retry = Off;
    private long _keepalive = Off;
    private long _silence = Off;
    private long _forget = Off;
    private long _persistent = Off;
    private int _attempts;

    /// <summary>When the next one is due.</summary>
    public long Due => Math.Min(Math.Min(Math.Min(_retry, _keepalive), Math.Min(_silence, _forget)), _persistent);

    /// <summary>Milliseconds between persistent keepalives; 0 for none.</summary>
    public long PersistentInterval { get; private set; }

    /// <summary>Sets the interval of persistent keepalives; the first is due at once.</summary>
    /// <param name="interval">Milliseconds; 0 for none.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    public void SetPersistentInterval(long interval, long now)
    {
        if (interval != PersistentInterval)
        {
            PersistentInterval = interval;
            _persistent = interval > 0 ? now : Off;
        }
    }

    /// <summary>A packet was sent that is no keepalive: something has to come back.</summary>
    public void OnDataSent(long now, long jitter)
    {
        if (_silence == Off)
        {
            _silence = now + Protocol.KeepaliveTimeout + Protocol.RekeyTimeout + jitter;
        }
    }

    /// <summary>A packet was received that is no keepalive: something has to be sent.</summary>
    public void OnDataReceived(long now)
    {
        if (_keepalive == Off)
        {
            _keepalive = now + Protocol.KeepaliveTimeout;
        }
    }

    /// <summary>Any message was sent that the peer can authenticate.</summary>
    public void OnSent(long now)
    {
        _keepalive = Off;
        OnTraversal(now);
    }

    /// <summary>Any authentic message was received.</summary>
    public void OnReceived(long now)
    {
        _silence = Off;
        OnTraversal(now);
    }

    /// <summary>An initiation was sent.</summary>
    public void OnInitiated(long now, long jitter) => _retry = now + Protocol.RekeyTimeout + jitter;

    /// <summary>
    /// An initiation is wanted so soon after the last one that it has to wait; also if that one's handshake is
    /// complete.
    /// </summary>
    public void OnInitiationPutOff(long until)
    {
        if (_retry == Off)
        {
            _retry = until;
        }
    }

    /// <summary>A handshake begins anew, and is tried for its whole time.</summary>
    public void ResetAttempts() => _attempts = 0;

    /// <summary>A session was made.</summary>
    public void OnSessionMade(long now) => _forget = now + Protocol.ForgetAfterTime;

    /// <summary>A session was proved to be known to both.</summary>
    public void OnHandshakeCompleted()
    {
        _retry = Off;
        _attempts = 0;
    }

    /// <summary>Turns off all but persistent keepalives: keys and handshakes are gone.</summary>
    public void Clear()
    {
        _retry = _keepalive = _silence = _forget = Off;
        _attempts = 0;
    }

    /// <summary>Takes one thing that is due, until there is none.</summary>
    public PeerAction TakeDue(long now)
    {
        if (now < Due)
        {
            return PeerAction.None;
        }

        if (now >= _forget)
        {
            _forget = Off;
            return PeerAction.ForgetKeys;
        }

        if (now >= _retry)
        {
            _retry = Off;
            if (++_attempts <= MaxAttempts)
            {
                return PeerAction.RetryHandshake;
            }

            _keepalive = Off;
            _attempts = 0;
            if (_forget == Off)
            {
                _forget = now + Protocol.ForgetAfterTime;
            }

            return PeerAction.GiveUp;
        }

        if (now >= _silence)
        {
            _silence = Off;
            return PeerAction.EndSilence;
        }

        if (now >= _keepalive)
        {
            _keepalive = Off;
            return PeerAction.SendKeepalive;
        }

        _persistent = now + PersistentInterval;
        return PeerAction.SendPersistentKeepalive;
    }

    private void OnTraversal(long now)
    {
        if (PersistentInterval > 0)
        {
            _persistent = now + PersistentInterval;
        }
    }
}
