// SPDX-License-Identifier: BSD-3-Clause

using System.Security.Cryptography;
using UdpTunnel.Linux;
using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>
/// Decides whom a server takes for its peer. The wire format authenticates nobody: whoever has seen one datagram can
/// send it again from anywhere, and a client that roams looks just the same. What tells them apart is the peer that is
/// known: it falls silent when it roams, and answers when it does not. So a datagram from elsewhere is a claim:
/// <list type="number">
/// <item>The known peer is asked, by an echo request inside the tunnel, which its host answers without knowing
/// why.</item>
/// <item>Any datagram from the known peer refuses the claim, if that peer has proven before that it gets what is sent
/// to it.</item>
/// <item>If none comes within <see cref="Grace"/>, the claimant is the peer, once everything was looked at that has
/// come meanwhile.</item>
/// <item>It has to prove then that it gets what is sent to it, and gets little until it has (<see cref="PeerProof"/>).
/// If its host says that nobody is at that port, the peer before it is the peer again, and has to prove the same: it
/// did not answer.</item>
/// <item>A peer that answers pings and is sent to while it is silent is pinged, and if it says nothing for
/// <see cref="Silence"/>, it has to prove the same again: a stream does not go on to where nobody is.</item>
/// <item>Who was displaced in that way takes its place back by its next datagram, without asking: it was only slow to
/// answer.</item>
/// </list> A peer of which nothing but heartbeats is known, or whose host answers no echo, cannot be asked, and is
/// displaced as if it had roamed.
/// </summary>
/// <param name="peer">What is decided.</param>
/// <param name="ask">
/// Sends an echo request through the tunnel: to an address, for an inner address (host order) behind it.
/// </param>
/// <param name="onProving">
/// Told whether ICMP errors are of interest: true while somebody has to prove something.
/// </param>
internal sealed class PeerClaims(Peer peer, Action<Peer.Address, uint> ask, Action<bool> onProving)
{
    /// <summary>
    /// Milliseconds in which a known peer answers. Longer than most round trips and shorter than anybody notices who
    /// roams; one whose round trip is longer loses its place for the rest of it.
    /// </summary>
    public const long Grace = 300;

    /// <summary>
    /// Milliseconds after which a peer that gets packets and answers pings is taken for away. Its first datagram ends
    /// that; a longer round trip costs it what is above its allowance until then.
    /// </summary>
    public const long Silence = 700;

    private const long SilenceBeforePing = 200;
    private const long PingMilliseconds = 150;
    private const int PingsBeforeAway = 3;

    // First allowances of all claimants together, in bytes: whoever forges one source after the other gets no stream by
    // it.
    private const int MostAllowances = 2 * PeerProof.FirstAllowance;
    private const int AllowancesPerSecond = 256;

    private const long QuestionMilliseconds = 1000;
    private const long Latest = 1000;

    // Protects all below: claims come in on the worker, and expire on another thread.
    private readonly Lock _gate = new();
    private Endpoint _claimant;
    private Peer.Address? _displaced;
    private Endpoint _refused;
    private long _claimed;
    private long _claimHeard;
    private long _heardAtClaim;
    private int _allowances = MostAllowances;
    private long _allowancesAt;

    private long _questioned;

    // Written by the worker alone.
    private long _heard;
    private long _pinged;
    private int _unanswered;

    /// <summary>A datagram with the right magic came in. Takes the lock only if it is not the peer's.</summary>
    /// <param name="source">Where it came from.</param>
    /// <param name="inner">
    /// Source address of a packet in it that the filter let pass, in host order; 0 if there was none.
    /// </param>
    /// <param name="bytes">Its length.</param>
    /// <param name="isAnswer">Whether it has what <see cref="PeerProof.IsAnswer"/> asks for.</param>
    /// <param name="now">Milliseconds of the monotonic clock.</param>
    public void OnDatagram(in Endpoint source, uint inner, int bytes, bool isAnswer, long now)
    {
        if (PeerAt(source) is not { } address)
        {
            lock (_gate)
            {
                Claim(source, now);
            }

            address = PeerAt(source);
            if (address is null)
            {
                return;
            }
        }

        peer.LastHeard = now;
        _unanswered = 0;
        if (inner != 0)
        {
            address.OnInner(inner);
        }

        if (address.Proof is { } proof)
        {
            OnUnproven(address, proof, bytes, isAnswer, now);
        }
        else
        {
            Volatile.Write(ref _heard, _heard + 1);
        }
    }

    /// <summary>Packets are about to be sent to the peer. Takes the lock only if it is taken for away.</summary>
    /// <param name="now">Milliseconds of the monotonic clock.</param>
    public void OnSending(long now)
    {
        if (
            now - peer.LastHeard < SilenceBeforePing
            || now - _pinged < PingMilliseconds
            || peer.Current is not { } known
        )
        {
            return;
        }

        if (known.Proof is { } missing)
        {
            // Whoever was there once is asked for as long as there is something to send: it may be back and say nothing
            // by itself.
            if (known.WasProven && now - _pinged >= QuestionMilliseconds)
            {
                _pinged = now;
                missing.OnReceived(EchoRequest.Length);
                Ask(known, known.Inner);
            }

            return;
        }

        if (!known.AnswersPings)
        {
            return;
        }

        // The first ping begins anew: before it nothing asked for an answer.
        _unanswered = now - _pinged < Silence ? _unanswered + 1 : 1;
        _pinged = now;
        if (_unanswered <= PingsBeforeAway)
        {
            Ask(known, known.Inner);
            return;
        }

        lock (_gate)
        {
            if (ReferenceEquals(peer.Current, known))
            {
                _unanswered = 0;
                peer.Replace(NewAddress(known.Endpoint, known.Inner, now, wasProven: true));
                onProving(true);
            }
        }
    }

    /// <summary>The host at an endpoint has said that nobody is at that port (ICMP).</summary>
    /// <param name="endpoint">Where a datagram was sent.</param>
    /// <param name="now">Milliseconds of the monotonic clock.</param>
    public void OnPortUnreachable(in Endpoint endpoint, long now)
    {
        lock (_gate)
        {
            if (PeerAt(endpoint) is { Proof: not null })
            {
                // Whoever was known may come back; nobody is better than somebody who does not listen.
                _ = peer.Move(
                    _displaced is { } known ? NewAddress(known.Endpoint, known.Inner, now, wasProven: true) : null
                );
                _displaced = null;
                _claimed = 0;
                onProving(peer.Current is not null);
            }
        }
    }

    /// <summary>
    /// When a claim is to be decided though nothing more comes, or more than is read; never if there is none. For any
    /// thread.
    /// </summary>
    public long Due => Volatile.Read(ref _claimed) is not 0 and var claimed ? claimed + Latest : long.MaxValue;

    /// <summary>
    /// Decides a claim whose time is over. Called when nothing more waits in the socket: on a machine that was busy, or
    /// under a flood, what the peer has sent in time is read late, behind the claims. And called now and then, for a
    /// client that sends nothing more.
    /// </summary>
    /// <param name="now">Milliseconds of the monotonic clock.</param>
    public void Resolve(long now)
    {
        if (Volatile.Read(ref _claimed) == 0)
        {
            return;
        }

        lock (_gate)
        {
            if (_claimed != 0 && !IsRefused() && now - _claimed >= Grace)
            {
                Adopt(_claimant, now);
                peer.LastHeard = _claimHeard;
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

    private Peer.Address? PeerAt(in Endpoint source) =>
        peer.Current is { } known && known.Endpoint.Equals(source) ? known : null;

    private void Claim(in Endpoint source, long now)
    {
        if (peer.Current is null)
        {
            Adopt(source, now);
        }
        else if (_displaced is { } displaced && displaced.Endpoint.Equals(source))
        {
            _ = peer.Move(displaced);
            _displaced = null;
            _claimed = 0;
            onProving(displaced.Proof is not null);
        }
        else
        {
            if (_claimed == 0 || IsRefused())
            {
                _claimed = now;
                _heardAtClaim = _heard;
                Ask(peer.Current, peer.Current.Inner);
            }

            _claimant = source;
            _claimHeard = now;
        }
    }

    /// <summary>
    /// Whether the known peer was heard after the claim. Counted and not timed: an answer can take less than the clock
    /// shows.
    /// </summary>
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

    private void Adopt(in Endpoint endpoint, long now)
    {
        var address = NewAddress(endpoint, inner: default, now, wasProven: false);
        onProving(true);
        _displaced = peer.Move(address);
        _claimed = 0;

        // A client that roams has the inner address that it had.
        Ask(address, _displaced?.Inner ?? default);
    }

    private Peer.Address NewAddress(in Endpoint endpoint, (uint First, uint Last) inner, long now, bool wasProven)
    {
        _questioned = 0;
        var number = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));
        return new Peer.Address(endpoint, new PeerProof(number, TakeAllowance(now)), inner, wasProven);
    }

    private int TakeAllowance(long now)
    {
        var refill =
            Math.Clamp(now - _allowancesAt, 0, MostAllowances * 1000L / AllowancesPerSecond)
            * AllowancesPerSecond
            / 1000;
        _allowancesAt = now;
        _allowances = Math.Min(MostAllowances, _allowances + (int)refill);
        var taken = Math.Min(_allowances, PeerProof.FirstAllowance);
        _allowances -= taken;
        return taken;
    }

    private void OnUnproven(Peer.Address address, PeerProof proof, int bytes, bool isAnswer, long now)
    {
        if (isAnswer)
        {
            proof.Give();
            onProving(false);
            Volatile.Write(ref _heard, _heard + 1);
            return;
        }

        proof.OnReceived(bytes);
        if (address.Inner.Last != 0 && (_questioned == 0 || now - _questioned >= QuestionMilliseconds))
        {
            _questioned = now;
            Ask(address, address.Inner);
        }
    }

    private void Ask(Peer.Address address, (uint First, uint Last) inner)
    {
        if (inner.First != 0)
        {
            ask(address, inner.First);
        }

        if (inner.Last != 0 && inner.Last != inner.First)
        {
            ask(address, inner.Last);
        }
    }
}
