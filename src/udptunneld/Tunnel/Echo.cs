// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>What became of an echo request that was sent into a tunnel.</summary>
/// <param name="RoundTrip">From the request to its answer; null if none came.</param>
/// <param name="Dropped">Why one of the two was dropped here; None if neither was.</param>
internal readonly record struct EchoResult(TimeSpan? RoundTrip, DropReason Dropped);

/// <summary>
/// An ICMP echo request of the daemon's own, and the watch for its answer: as a packet of the device, through the
/// tunnel's filter, and seen where packets are captured. The kernel gets the answer as well, and knows nobody who wants
/// it (<see cref="EchoRequest"/>).
/// </summary>
internal sealed unsafe class Echo : IPacketTap
{
    private const int V6Length = Ipv6Header.Length + EchoLength;
    private const int EchoLength = 16;
    private const byte V6Request = 128;
    private const byte V6Reply = 129;

    private readonly IPAddress _source;
    private readonly IPAddress _destination;
    private readonly ulong _number;
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly TaskCompletionSource<EchoResult> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="source">This end's inner address.</param>
    /// <param name="destination">Who is asked; of the same family.</param>
    /// <param name="number">Comes back with the answer.</param>
    public Echo(IPAddress source, IPAddress destination, ulong number)
    {
        _source = source;
        _destination = destination;
        _number = number;
    }

    /// <summary>Ends when something has become of it.</summary>
    public Task<EchoResult> Result => _result.Task;

    /// <inheritdoc/>
    public bool WantsAll => true;

    /// <summary>Writes the packet.</summary>
    /// <returns>Its length in bytes.</returns>
    public int Write(byte* packet)
    {
        if (_destination.AddressFamily == AddressFamily.InterNetwork)
        {
            EchoRequest.Write(packet, ToNumber(_source), ToNumber(_destination), _number);
            return EchoRequest.Length;
        }

        var bytes = new Span<byte>(packet, V6Length);
        bytes.Clear();
        bytes[0] = 0x60;
        bytes[Ipv6Header.PayloadLength + 1] = EchoLength;
        bytes[Ipv6Header.NextHeader] = Ipv6Header.Icmp;
        bytes[Ipv6Header.NextHeader + 1] = 64;
        _source.TryWriteBytes(bytes[Ipv6Header.Source..], out _);
        _destination.TryWriteBytes(bytes[Ipv6Header.Destination..], out _);
        var message = bytes[Ipv6Header.Length..];
        message[0] = V6Request;
        BinaryPrimitives.WriteUInt64LittleEndian(message[8..], _number);

        // The pseudo-header (RFC 8200, section 8.1): addresses, length, next header.
        var sum = (uint)(EchoLength + Ipv6Header.Icmp);
        for (var i = Ipv6Header.Source; i < V6Length; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes[i..]);
        }

        sum = (sum & 0xFFFF) + (sum >> 16);
        sum = (sum & 0xFFFF) + (sum >> 16);
        BinaryPrimitives.WriteUInt16BigEndian(message[2..], (ushort)~sum);
        return V6Length;
    }

    /// <inheritdoc/>
    public void Add(Direction direction, DropReason reason, Peer? peer, ReadOnlySpan<byte> bytes, int length)
    {
        if (!IsOurs(bytes, out var isAnswer) || (reason == DropReason.None && !(isAnswer && direction == Direction.In)))
        {
            return;
        }

        _result.TrySetResult(
            reason == DropReason.None
                ? new EchoResult(Stopwatch.GetElapsedTime(_start), DropReason.None)
                : new EchoResult(null, reason)
        );
    }

    /// <inheritdoc/>
    public void End() => _result.TrySetResult(default);

    private static uint ToNumber(IPAddress address) => BinaryPrimitives.ReadUInt32BigEndian(address.GetAddressBytes());

    private bool IsOurs(ReadOnlySpan<byte> bytes, out bool isAnswer)
    {
        isAnswer = false;
        if (bytes.Length >= V6Length && bytes[0] >> 4 == 6 && bytes[Ipv6Header.NextHeader] == Ipv6Header.Icmp)
        {
            isAnswer = bytes[Ipv6Header.Length] == V6Reply;
            return BinaryPrimitives.ReadUInt64LittleEndian(bytes[(Ipv6Header.Length + 8)..]) == _number;
        }

        if (bytes.Length < EchoRequest.Length || bytes[0] != Ipv4Header.VersionAndMinLength)
        {
            return false;
        }

        isAnswer = bytes[Ipv4Header.MinLength] == 0;
        return bytes[Ipv4Header.Protocol] == Ipv4Header.Icmp
            && BinaryPrimitives.ReadUInt64LittleEndian(bytes[(Ipv4Header.MinLength + 8)..]) == _number;
    }
}
