// SPDX-License-Identifier: BSD-3-Clause

using System.Security.Cryptography;
using UdpTunnel.Linux;
using UdpTunnel.Memory;
using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>
/// Finds out what the paths to a tunnel's peers carry (<see cref="PathMtuSearch"/>), by probes that no router may
/// fragment: echo requests to an inner address that packets go to, which its host answers without knowing why. A peer
/// that takes padding gets a short one in a long datagram, another one gets a long one. What routers say is not
/// listened to: anybody can forge that.
/// <para>
/// Only a path that is used is probed. Belongs to the worker; on the way of packets it allocates nothing.
/// </para>
/// </summary>
internal sealed unsafe class PathMtuDiscovery : IDisposable
{
    /// <summary>Longest packet that is tried where the device's MTU follows the path: jumbo frames.</summary>
    public const int LargestPath = 9000;

    private const int UdpHeaderLength = 8;
    private const int LeastPathV4 = 576;

    // Other programs pad packets to a multiple of this, up to their own MTU, so that only such a length fits for sure.
    private const int Padding = WireGuard.Protocol.PaddingMultiple;

    // Of the number of a round's probes; the rest is its own.
    private const ulong IndexMask = 0xF;

    private readonly ITransport _transport;
    private readonly IUdp _udp;
    private readonly NativeBuffer _memory;
    private readonly PriorityQueue<Peer, long> _schedule = new();
    private volatile int _mtu = int.MaxValue;
    private volatile bool _isOpen;

    /// <param name="transport">Seals the probes.</param>
    /// <param name="udp">Sends them.</param>
    public PathMtuDiscovery(ITransport transport, IUdp udp)
    {
        _transport = transport;
        _udp = udp;
        _memory = new NativeBuffer((nuint)(transport.Headroom + Ipv4Header.MaxPacketLength + transport.Tailroom + 1));
    }

    /// <summary>What the worker tells of rounds, if anybody wants to know.</summary>
    public WorkerNotes? Notes { get; init; }

    /// <summary>When <see cref="Advance"/> is to be called; <see cref="long.MaxValue"/> for never.</summary>
    public long Due => _schedule.TryPeek(out _, out var due) ? due : long.MaxValue;

    /// <summary>Says how long packets may be at all. For any thread.</summary>
    /// <param name="mtu">MTU of the device.</param>
    /// <param name="isOpen">Whether it follows the path, so that longer ones are of interest.</param>
    public void SetMtu(int mtu, bool isOpen)
    {
        _mtu = mtu;
        _isOpen = isOpen;
    }

    /// <summary>
    /// Has a SYN, of either direction, announce no longer segments than this end's device and the path to the peer
    /// take: hosts behind this one know of neither.
    /// </summary>
    /// <param name="peer">Where it goes, or comes from.</param>
    /// <param name="packet">See <see cref="MssClamp.IsAnnouncement"/>.</param>
    /// <param name="hasChecksum">Whether its checksum is there.</param>
    public void Clamp(Peer peer, in PacketView packet, bool hasChecksum) =>
        _ = MssClamp.Apply(
            packet,
            Math.Min(_mtu, _transport.TakesPadding ? peer.Path.Limit & -Padding : peer.Path.Limit),
            hasChecksum
        );

    /// <summary>
    /// A packet that passes the filter goes to a peer whose path wants to know whom to ask
    /// (<see cref="PeerPath.WantsTarget"/>).
    /// </summary>
    public static void OnSending(Peer peer, in PacketView packet)
    {
        if (packet.Fault == DropReason.None && IcmpError.IsAnswerable(packet))
        {
            peer.Path.SetTarget(packet);
        }
    }

    /// <summary>Datagrams were sent to a peer.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="datagramSize">Length of the longest one.</param>
    /// <param name="now">Milliseconds of the monotonic clock.</param>
    public void OnSent(Peer peer, int datagramSize, long now)
    {
        var path = peer.Path;
        if (now >= path.NextAt && datagramSize >= path.Trigger && path.HasTarget && _transport.IsReady(peer))
        {
            Schedule(peer, now);
        }
    }

    /// <summary>Takes the answer to a probe.</summary>
    /// <returns>Whether it was one, as a whole, so that it is nobody else's business.</returns>
    public bool TryTakeAnswer(Peer peer, in PacketView packet, long now)
    {
        var path = peer.Path;
        if (
            path.Search is not { IsUnderway: true } search
            || !EchoRequest.TryReadAnswer(packet, out var number)
            || (number & ~IndexMask) != path.Number
        )
        {
            return false;
        }

        search.OnAnswer((int)(number & IndexMask), now);
        Schedule(peer, search.Due);
        return packet.Part == FragmentPart.Whole;
    }

    /// <summary>Does what is due.</summary>
    /// <param name="now">Milliseconds of the monotonic clock.</param>
    public void Advance(long now)
    {
        while (_schedule.TryPeek(out var peer, out var due) && due <= now)
        {
            _schedule.Dequeue();
            if (due == peer.Path.ScheduledAt)
            {
                peer.Path.ScheduledAt = long.MaxValue;
                Look(peer, now);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    private void Schedule(Peer peer, long at)
    {
        if (at < peer.Path.ScheduledAt)
        {
            peer.Path.ScheduledAt = at;
            _schedule.Enqueue(peer, at);
        }
    }

    private void Look(Peer peer, long now)
    {
        var path = peer.Path;
        if (!_transport.IsReady(peer) || peer.Current is not { } address)
        {
            // What is sent once it is begins again, or ends the round.
            path.NextAt = now;
            return;
        }

        var overhead = OverheadTo(address.Endpoint);
        var search = SearchOf(path, address, overhead, now);
        if (search.IsUnderway && now >= search.Due)
        {
            search.End(now);
            Publish(peer, search, overhead);
            Note(address, search, overhead);
        }

        if (!search.IsUnderway && now >= search.NextAt && path.HasTarget)
        {
            Probe(peer, search, address, now);
        }

        path.NextAt = search.IsUnderway ? long.MaxValue : search.NextAt;
        Schedule(peer, search.Due);
    }

    private void Note(Peer.Address address, PathMtuSearch search, int overhead)
    {
        if (Notes is { AreWanted: true })
        {
            Notes.Add(
                search.Found == 0
                    ? $"path MTU: no probe to {address.Endpoint} was answered"
                    : $"path MTU: the path to {address.Endpoint} carries packets of {search.Found} bytes, "
                        + $"{search.Found + overhead} with all headers"
            );
        }
    }

    /// <summary>Another address is another path.</summary>
    private PathMtuSearch SearchOf(PeerPath path, Peer.Address address, int overhead, long now)
    {
        var ceiling = Math.Min(
            _isOpen ? LargestPath - overhead : _mtu,
            SendBatch.MaxRunBytes - _transport.Headroom - _transport.Tailroom
        );
        if (path.Search is not { } search || !path.Endpoint.HasAddressOf(address.Endpoint))
        {
            var least = address.Endpoint.IsV4 ? LeastPathV4 : Ipv6Header.LeastMtu;
            search = new PathMtuSearch(Math.Min(least - overhead, ceiling), ceiling);
            path.Begin(address.Endpoint, search);
        }

        search.SetCeiling(ceiling, now);
        return search;
    }

    private void Publish(Peer peer, PathMtuSearch search, int overhead)
    {
        var path = peer.Path;
        path.Publish(search, overhead);
        _transport.LimitPadding(peer, path.Limit);
        if (search.IsSilent)
        {
            // Perhaps it is this host that answers nobody.
            path.ForgetTarget();
        }
    }

    private void Probe(Peer peer, PathMtuSearch search, Peer.Address address, long now)
    {
        var path = peer.Path;
        Span<byte> random = stackalloc byte[sizeof(ulong)];
        RandomNumberGenerator.Fill(random);
        path.Number = BitConverter.ToUInt64(random) & ~IndexMask;
        var sizes = search.Begin(now);
        if (Notes is { AreWanted: true })
        {
            Notes.Add($"path MTU: probes of {string.Join(", ", sizes.ToArray())} bytes go to {address.Endpoint}");
        }

        for (var i = 0; i < sizes.Length; i++)
        {
            if (!TrySend(peer, sizes[i], path.Number | (uint)i, address.Endpoint))
            {
                search.OnRefused(i);
            }
        }

        _transport.LimitPadding(peer, path.Limit);
    }

    /// <returns>False if the network of this host does not carry it.</returns>
    private bool TrySend(Peer peer, int size, ulong number, in Endpoint endpoint)
    {
        var addresses = peer.Path.Target;
        var shortest = addresses.Length > 2 * sizeof(uint) ? EchoRequest.LengthV6 : EchoRequest.Length;
        size = Math.Max(size, shortest);
        var length = _transport.TakesPadding ? shortest : size;
        var packet = _memory.Start + _transport.Headroom;
        EchoRequest.Write(packet, length, addresses, number);
        new Span<byte>(packet + length, size - length).Clear();

        // So that the datagram is as long as that of a packet of this length, and no longer.
        _transport.LimitPadding(peer, size);
        if (!_transport.TryBegin(peer, PacketView.Parse(packet, length), 1, out _))
        {
            return true;
        }

        var datagram = packet - _transport.Headroom;
        var datagramLength = _transport.Seal(datagram, size);
        _transport.End();
        return datagramLength == 0 || _udp.Probe(datagram, datagramLength, endpoint, peer.Local);
    }

    /// <summary>Bytes of a datagram on its way that are not the packet's.</summary>
    private int OverheadTo(in Endpoint endpoint) =>
        (endpoint.IsV4 ? Ipv4Header.MinLength : Ipv6Header.Length) + UdpHeaderLength + _transport.Overhead;
}

/// <summary>What is known of the path to a peer. Written by the worker.</summary>
internal sealed unsafe class PeerPath
{
    // Shorter ones are no reason to confirm what longer ones need.
    private const int LongDatagram = 500;
    private const int MostTarget = 32;

    private readonly byte[] _target = new byte[MostTarget];
    private int _targetLength;
    private volatile int _mtu;
    private volatile int _outerMtu;

    /// <summary>Longest packet that goes to the peer in one piece; <see cref="int.MaxValue"/> if none is too long.</summary>
    public int Limit { get; private set; } = int.MaxValue;

    /// <summary>Whether the path carries less than is of interest.</summary>
    public bool IsLimited => Limit != int.MaxValue;

    /// <summary>Whether a packet is wanted that says whom to ask.</summary>
    public bool WantsTarget { get; private set; } = true;

    /// <summary>The longest packet that passes in one piece; 0 if that is not known. For any thread.</summary>
    public int Mtu => _mtu;

    /// <summary>
    /// The same with all headers around it: what the path carries, as far as it was of interest. For any thread.
    /// </summary>
    public int OuterMtu => _outerMtu;

    /// <summary>Which probes are asked of; null before anything was sent.</summary>
    public PathMtuSearch? Search { get; private set; }

    /// <summary>Where the path leads that was searched.</summary>
    public Endpoint Endpoint { get; private set; }

    /// <summary>Number of the round of probes.</summary>
    public ulong Number { get; set; }

    /// <summary>When a datagram that is sent is a reason for a round, in milliseconds of the monotonic clock.</summary>
    public long NextAt { get; set; }

    /// <summary>How long it has to be for that.</summary>
    public int Trigger => _mtu == 0 && Search is not { IsSilent: true } ? 0 : LongDatagram;

    /// <summary>When the discovery looks at the path; its own.</summary>
    public long ScheduledAt { get; set; } = long.MaxValue;

    /// <summary>Whether it is known whom to ask.</summary>
    public bool HasTarget => _targetLength > 0;

    /// <summary>Source and destination of probes, in network order.</summary>
    public ReadOnlySpan<byte> Target => _target.AsSpan(0, _targetLength);

    /// <summary>Probes go the way that a packet goes.</summary>
    public void SetTarget(in PacketView packet)
    {
        var start = packet.Start + (packet.IsV6 ? Ipv6Header.Source : Ipv4Header.Source);
        _targetLength = packet.IsV6 ? MostTarget : 2 * sizeof(uint);
        new ReadOnlySpan<byte>(start, _targetLength).CopyTo(_target);
        WantsTarget = false;
    }

    /// <summary>The next packet says whom to ask; until then it is who was asked before.</summary>
    public void ForgetTarget() => WantsTarget = true;

    /// <summary>Nothing is known of a new path.</summary>
    public void Begin(in Endpoint endpoint, PathMtuSearch search)
    {
        Endpoint = endpoint;
        Search = search;
        _mtu = 0;
        _outerMtu = 0;
        Limit = int.MaxValue;
    }

    /// <summary>Takes over what was found.</summary>
    public void Publish(PathMtuSearch search, int overhead)
    {
        _mtu = search.Found;
        _outerMtu = search.Found == 0 ? 0 : search.Found + overhead;
        Limit = search.IsLimited ? search.Found : int.MaxValue;
    }
}
