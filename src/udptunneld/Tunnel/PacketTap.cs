// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>Where on its way a packet was seen. Values follow <c>udptunnel.v1.CaptureStage</c>.</summary>
internal enum CaptureStage : byte
{
    /// <summary>At the device.</summary>
    Device = 1,

    /// <summary>At the filter, which looked at it; what passed goes on from here.</summary>
    Filter = 2,

    /// <summary>At the transport, which opens and makes datagrams. What came in is the datagram itself there.</summary>
    Transport = 3,

    /// <summary>At the socket.</summary>
    Socket = 4,
}

/// <summary>A packet or datagram that was seen.</summary>
/// <param name="Time">When.</param>
/// <param name="Direction">Where it went.</param>
/// <param name="Reason">Why it was dropped; None if it passed.</param>
/// <param name="Peer">Where its peer is; empty if it is nobody's.</param>
/// <param name="Length">Length of all of it.</param>
/// <param name="Bytes">Its beginning.</param>
internal readonly record struct SeenPacket(
    DateTimeOffset Time,
    Direction Direction,
    DropReason Reason,
    string Peer,
    int Length,
    byte[] Bytes
)
{
    /// <summary>Where it was seen.</summary>
    public CaptureStage Stage =>
        Reason switch
        {
            DropReason.DeviceFailed => CaptureStage.Device,
            DropReason.SendFailed or DropReason.SendBufferFull => CaptureStage.Socket,
            DropReason.None
            or DropReason.NotIpv4
            or DropReason.Malformed
            or DropReason.Protocol
            or DropReason.IcmpType
            or DropReason.Port
            or DropReason.NoFlow
            or DropReason.Fragment
            or DropReason.LinkControl
            or DropReason.SourceAddress
            or DropReason.DestinationAddress => CaptureStage.Filter,
            _ => CaptureStage.Transport,
        };
}

/// <summary>Somebody who is shown the packets of a tunnel. For the tunnel's worker.</summary>
internal interface IPacketTap
{
    /// <summary>Whether packets that pass are wanted too; else only those that are dropped.</summary>
    bool WantsAll { get; }

    /// <summary>Shows a packet; what is wanted of it is kept.</summary>
    /// <param name="direction">Where it goes.</param>
    /// <param name="reason">Why it is dropped; None if it passes.</param>
    /// <param name="peer">Whose it is; null if that is not known.</param>
    /// <param name="bytes">The packet, or its beginning.</param>
    /// <param name="length">Length of all of it.</param>
    void Add(Direction direction, DropReason reason, Peer? peer, ReadOnlySpan<byte> bytes, int length);

    /// <summary>Says that no more will come.</summary>
    void End();
}

/// <summary>
/// What one who captures a tunnel's packets has not read yet: a ring of fixed size, which the tunnel's worker fills and
/// one reader empties, without locks. When it is full, packets are counted instead.
/// <code>
///  record:  size u32 | kept u32 | length u32 | direction u8 | reason u8 | 2 | time i64 | endpoint 28 | 4 | bytes
///           padded to 8 bytes
/// </code>
/// </summary>
/// <param name="ports">Only packets of TCP and UDP from or to one of these; null for all.</param>
/// <param name="droppedOnly">Only what is dropped.</param>
/// <param name="snapLength">Bytes kept of a packet.</param>
/// <param name="time">The clock.</param>
internal sealed class PacketTap(PortBitmap? ports, bool droppedOnly, int snapLength, TimeProvider time) : IPacketTap
{
    /// <summary>Bytes of the ring.</summary>
    public const int Capacity = 2 * 1024 * 1024;

    /// <summary>Most bytes kept of a packet: no packet is longer.</summary>
    public const int MaxSnapLength = 65_535;

    private const int HeaderSize = 56;
    private const int TimeOffset = 16;
    private const int EndpointOffset = 24;

    // In the place of a record's size: the rest of the ring is unused, the next record is at its beginning.
    private const int Wrapped = -1;

    private readonly byte[] _ring = new byte[Capacity];

    // Written by the worker; the reader's is read by it.
    private long _written;
    private long _read;
    private long _lost;
    private volatile bool _hasEnded;

    /// <inheritdoc/>
    public bool WantsAll => !droppedOnly;

    /// <summary>Packets that found no room.</summary>
    public long Lost => Volatile.Read(ref _lost);

    /// <summary>Whether no more will come, because the tunnel has stopped.</summary>
    public bool HasEnded => _hasEnded;

    /// <inheritdoc/>
    public void End() => _hasEnded = true;

    /// <inheritdoc/>
    public void Add(Direction direction, DropReason reason, Peer? peer, ReadOnlySpan<byte> bytes, int length)
    {
        if ((droppedOnly && reason == DropReason.None) || (ports is not null && !HasPort(ports, bytes)))
        {
            return;
        }

        var kept = Math.Min(bytes.Length, snapLength);
        var size = (HeaderSize + kept + 7) & ~7;
        var at = (int)(_written % Capacity);
        var toEnd = Capacity - at;
        var needed = size <= toEnd ? size : toEnd + size;
        if (_written + needed - Volatile.Read(ref _read) > Capacity)
        {
            Volatile.Write(ref _lost, _lost + 1);
            return;
        }

        if (size > toEnd)
        {
            MemoryMarshal.Write(_ring.AsSpan(at), Wrapped);
            at = 0;
        }

        var record = _ring.AsSpan(at, size);
        MemoryMarshal.Write(record, size);
        MemoryMarshal.Write(record[4..], kept);
        MemoryMarshal.Write(record[8..], length);
        record[12] = (byte)direction;
        record[13] = (byte)reason;
        MemoryMarshal.Write(record[TimeOffset..], time.GetUtcNow().UtcTicks);
        MemoryMarshal.Write(record[EndpointOffset..], peer?.Current is { } address ? address.Endpoint : default);
        bytes[..kept].CopyTo(record[HeaderSize..]);
        Volatile.Write(ref _written, _written + needed);
    }

    /// <summary>Takes the oldest packet. For the reader.</summary>
    /// <returns>False if there is none.</returns>
    public bool TryRead(out SeenPacket packet)
    {
        packet = default;
        if (_read == Volatile.Read(ref _written))
        {
            return false;
        }

        var at = (int)(_read % Capacity);
        var skipped = 0;
        if (MemoryMarshal.Read<int>(_ring.AsSpan(at)) == Wrapped)
        {
            skipped = Capacity - at;
            at = 0;
        }

        var record = _ring.AsSpan(at);
        var size = MemoryMarshal.Read<int>(record);
        packet = new SeenPacket(
            new DateTimeOffset(MemoryMarshal.Read<long>(record[TimeOffset..]), TimeSpan.Zero),
            (Direction)record[12],
            (DropReason)record[13],
            MemoryMarshal.Read<Endpoint>(record[EndpointOffset..]).ToString(),
            MemoryMarshal.Read<int>(record[8..]),
            record.Slice(HeaderSize, MemoryMarshal.Read<int>(record[4..])).ToArray()
        );
        Volatile.Write(ref _read, _read + skipped + size);
        return true;
    }

    /// <summary>
    /// Whether bytes begin as a packet of TCP or UDP from or to a port; a packet that is cut off behind its ports has
    /// them too.
    /// </summary>
    private static bool HasPort(PortBitmap ports, ReadOnlySpan<byte> bytes)
    {
        var at =
            bytes.Length == 0
                ? -1
                : (bytes[0] >> 4) switch
                {
                    4
                        when bytes.Length >= Ipv4Header.MinLength
                            && IsTransport(bytes[Ipv4Header.Protocol])
                            && (BinaryPrimitives.ReadUInt16BigEndian(bytes[Ipv4Header.FragmentWord..]) & 0x1FFF) == 0 =>
                        (bytes[0] & 0x0F) * 4,
                    6 when bytes.Length >= Ipv6Header.Length && IsTransport(bytes[Ipv6Header.NextHeader]) =>
                        Ipv6Header.Length,
                    _ => -1,
                };
        return at > 0
            && at + 4 <= bytes.Length
            && (
                ports.Contains(BinaryPrimitives.ReadUInt16BigEndian(bytes[at..]))
                || ports.Contains(BinaryPrimitives.ReadUInt16BigEndian(bytes[(at + 2)..]))
            );
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsTransport(byte protocol) => protocol is Ipv4Header.Tcp or Ipv4Header.Udp;
}

/// <summary>Those who capture the packets of one tunnel. Nobody is shown anything while there is nobody.</summary>
internal sealed class PacketTaps(Inbound inbound, Outbound outbound) : IDropListener, IPassListener, IDisposable
{
    // Protects the changes of the list, which itself never changes.
    private readonly Lock _gate = new();
    private volatile IPacketTap[] _taps = [];
    private bool _hasEnded;

    /// <summary>Shows packets to another one, until <see cref="Remove"/> or the tunnel stops.</summary>
    public void Add(IPacketTap tap)
    {
        lock (_gate)
        {
            if (_hasEnded)
            {
                tap.End();
                return;
            }

            Set([.. _taps, tap]);
        }
    }

    /// <summary>Shows it no more.</summary>
    public void Remove(IPacketTap tap)
    {
        lock (_gate)
        {
            Set([.. _taps.Where(t => t != tap)]);
        }
    }

    /// <inheritdoc/>
    public void OnDrop(Direction direction, DropReason reason, Peer? peer, ReadOnlySpan<byte> bytes, int length)
    {
        foreach (var tap in _taps)
        {
            tap.Add(direction, reason, peer, bytes, length);
        }
    }

    /// <inheritdoc/>
    public void OnPass(Direction direction, Peer peer, ReadOnlySpan<byte> packet)
    {
        foreach (var tap in _taps)
        {
            tap.Add(direction, DropReason.None, peer, packet, packet.Length);
        }
    }

    /// <summary>Ends all.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _hasEnded = true;
            foreach (var tap in _taps)
            {
                tap.End();
            }

            Set([]);
        }
    }

    private void Set(IPacketTap[] taps)
    {
        _taps = taps;
        var listener = taps.Length > 0 ? this : null;
        inbound.Listener = listener;
        outbound.Listener = listener;
        var passListener = Array.Exists(taps, t => t.WantsAll) ? this : null;
        inbound.PassListener = passListener;
        outbound.PassListener = passListener;
    }
}
