using UdpTunnel.Linux;

namespace UdpTunnel.Tunnel;

/// <summary>
/// Decides whom a server takes for its peer. The wire format authenticates nobody: whoever has seen one datagram can send it again from anywhere,
/// and a client that roams looks just the same. What tells them apart is the peer that is known: it falls silent when it roams, and answers when
/// it does not. So a datagram from elsewhere is a claim:
/// <list type="number">
/// <item>The known peer is asked, by an echo request inside the tunnel, which its host answers without knowing why.</item>
/// <item>Any datagram from the known peer refuses the claim.</item>
/// <item>If none comes within <see cref="Grace"/>, the claimant is the peer, once everything was looked at that has come meanwhile.</item>
/// <item>Who was displaced in that way takes its place back by its next datagram, without asking: it was only slow to answer.</item>
/// </list>
/// A peer of which nothing but heartbeats is known, or whose host answers no echo, cannot be asked, and is displaced as if it had roamed.
/// </summary>
/// <param name="peer">What is decided.</param>
/// <param name="ask">Sends an echo request through the tunnel, to an inner address (host order) of the known peer.</param>
internal sealed class PeerClaims(Peer peer, Action<uint> ask)
{
    /// <summary>
    /// Milliseconds in which a known peer answers. Longer than most round trips and shorter than anybody notices who roams; one whose round trip is
    /// longer loses its place for the rest of it.
    /// </summary>
    public const long Grace = 300;

    private const long Latest = 1000;

    // Protects all below: claims come in on the worker, and expire on another thread.
    private readonly Lock _gate = new();
    private Endpoint _claimant;
    private Endpoint _displaced;
    private Endpoint _refused;
    private long _claimed;
    private long _claimHeard;
    private long _heardAtClaim;

    // Written by the worker alone.
    private long _heard;
    private uint _inner;

    /// <summary>A datagram with the right magic came in. Takes the lock only if it is not the peer's.</summary>
    /// <param name="source">Where it came from.</param>
    /// <param name="inner">Source address of a packet in it that the filter let pass, in host order; 0 if there was none.</param>
    /// <param name="now">Milliseconds of the monotonic clock.</param>
    public void Hear(in Endpoint source, uint inner, long now)
    {
        if (!IsPeer(source))
        {
            lock (_gate)
            {
                Claim(source, now);
            }

            if (!IsPeer(source))
            {
                return;
            }
        }

        peer.LastHeard = now;
        Volatile.Write(ref _heard, _heard + 1);
        if (inner != 0)
        {
            _inner = inner;
        }
    }

    /// <summary>When a claim is to be decided though nothing more comes, or more than is read; never if there is none. For any thread.</summary>
    public long Due => Volatile.Read(ref _claimed) is not 0 and var claimed ? claimed + Latest : long.MaxValue;

    /// <summary>
    /// Decides a claim whose time is over. Called when nothing more waits in the socket: on a machine that was busy, or under a flood, what the peer has
    /// sent in time is read late, behind the claims. And called now and then, for a client that sends nothing more.
    /// </summary>
    /// <param name="now">Milliseconds of the monotonic clock.</param>
    public void Settle(long now)
    {
        if (Volatile.Read(ref _claimed) == 0)
        {
            return;
        }

        lock (_gate)
        {
            if (_claimed != 0 && !IsRefused() && now - _claimed >= Grace)
            {
                Move(_claimant, _claimHeard);
            }
        }
    }

    /// <summary>Whose claim was refused since this was asked last; none if nobody's.</summary>
    public Endpoint TakeRefused()
    {
        lock (_gate)
        {
            var refused = _refused;
            _refused = default;
            return refused;
        }
    }

    private bool IsPeer(in Endpoint source) => peer.Current is { } known && known.Endpoint.Equals(source);

    private void Claim(in Endpoint source, long now)
    {
        if (peer.Current is null || source.Equals(_displaced))
        {
            Move(source, now);
            _displaced = default;
        }
        else
        {
            if (_claimed == 0 || IsRefused())
            {
                Ask(now);
            }

            _claimant = source;
            _claimHeard = now;
        }
    }

    private void Ask(long now)
    {
        _claimed = now;
        _heardAtClaim = _heard;
        if (_inner != 0)
        {
            ask(_inner);
        }
    }

    /// <summary>Whether the known peer was heard after the claim. Counted and not timed: an answer can take less than the clock shows.</summary>
    private bool IsRefused()
    {
        if (Volatile.Read(ref _heard) == _heardAtClaim)
        {
            return false;
        }

        _refused = _claimant;
        _claimed = 0;
        return true;
    }

    private void Move(in Endpoint to, long heard)
    {
        _displaced = peer.Move(to);
        _claimed = 0;
        peer.LastHeard = heard;
    }
}
