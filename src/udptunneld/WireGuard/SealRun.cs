// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.WireGuard;

/// <summary>
/// Packets to one peer that are sealed one after the other, with counters that were taken for all of them at once.
/// </summary>
/// <remarks>
/// From <see cref="WireGuardEngine.TryBegin"/> to <see cref="WireGuardEngine.End"/>, with no other call of the engine
/// in between.
/// </remarks>
internal struct SealRun
{
    private readonly Session _session;
    private readonly int _mtu;
    private readonly ulong _end;
    private ulong _counter;

    internal SealRun(Session session, int packets, int mtu)
    {
        _session = session;
        _mtu = mtu;
        _counter = session.TakeCounters(packets);
        _end = _counter + (ulong)packets;
    }

    /// <summary>Whose packets they are.</summary>
    public readonly Peer Peer => _session.Peer;

    /// <summary>Packets sealed so far.</summary>
    public int Packets { get; private set; }

    /// <summary>Bytes of the messages that they have become.</summary>
    public long Bytes { get; private set; }

    /// <summary>Seals a packet in place.</summary>
    /// <param name="datagram">
    /// Where the message begins: the packet stands 16 bytes behind
    /// (<see cref="TransportMessage.HeaderSize"/>), and up to 31 bytes of room behind it.
    /// </param>
    /// <param name="length">Length of the packet.</param>
    /// <returns>Length of the message; 0 if there is no counter left for it, or OpenSSL had no memory.</returns>
    public unsafe int Seal(byte* datagram, int length)
    {
        if (_counter == _end)
        {
            return 0;
        }

        int sealedLength = _session.Seal(datagram, length, _counter++, _mtu);
        Packets += sealedLength > 0 ? 1 : 0;
        Bytes += sealedLength;
        return sealedLength;
    }

    internal readonly Session Session => _session;
}
