// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using UdpTunnel.Config;

namespace UdpTunnel.Relay.Wire;

/// <summary>
/// Ports of a receiver: those that a sender serves, or those that a receiver takes of it. Part of a hello, and the
/// payload of a frame <see cref="FrameType.Services"/>.
/// <code>
///   0        8        16               32               48
///  +--------+--------+----------------+----------------+----
///  | sole   | count  | first port     | last port      | ... count times
///  +--------+--------+----------------+----------------+----
/// </code>
/// Ports in network byte order, 1 to 65,535, the last one not below the first.
/// </summary>
/// <param name="IsSole">
/// Of a sender: it serves one service, which a receiver with one port takes whatever the number of that is.
/// </param>
/// <param name="Ports">The ports.</param>
internal sealed record ServiceOffer(bool IsSole, PortRange[] Ports)
{
    /// <summary>
    /// The most ranges: what a receiver of 64 services and a sender of as many have in common has no more.
    /// </summary>
    public const int MaxRanges = 127;

    private const int HeadLength = 2;
    private const int RangeLength = 4;

    /// <summary>No ports.</summary>
    public static ServiceOffer None { get; } = new(false, []);

    /// <summary>What a sender with these services has to offer.</summary>
    public static ServiceOffer Of(UdpServiceList services) =>
        new(services.PortCount == 1 && !services[0].IsMapped, [.. services.Select(s => s.ReceiverPorts)]);

    /// <summary>Some ports of a receiver.</summary>
    public static ServiceOffer OfPorts(IEnumerable<int> ports)
    {
        var ranges = new List<PortRange>();
        foreach (var port in ports.Distinct().Order())
        {
            if (ranges.Count > 0 && ranges[^1].Last + 1 == port)
            {
                ranges[^1] = new PortRange(ranges[^1].First, (ushort)port);
            }
            else if (ranges.Count < MaxRanges)
            {
                ranges.Add(new PortRange((ushort)port));
            }
        }

        return new ServiceOffer(false, [.. ranges]);
    }

    /// <summary>Whether a port is among them.</summary>
    public bool Contains(int port)
    {
        foreach (var range in Ports)
        {
            if (port >= range.First && port <= range.Last)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>What a receiver takes of it.</summary>
    /// <param name="listening">The receiver's ports.</param>
    public ServiceOffer AcceptedBy(IReadOnlyCollection<int> listening) =>
        IsSole && listening.Count == 1 ? OfPorts(listening) : OfPorts(listening.Where(Contains));

    /// <summary>Reads an offer at the start of some bytes.</summary>
    /// <param name="bytes">The bytes; those of the offer are taken from them.</param>
    /// <returns>Null if it is none.</returns>
    public static ServiceOffer? Read(ref ReadOnlySpan<byte> bytes)
    {
        if (
            bytes.Length < HeadLength
            || bytes[0] > 1
            || bytes[1] > MaxRanges
            || bytes.Length < HeadLength + (bytes[1] * RangeLength)
        )
        {
            return null;
        }

        var ranges = new PortRange[bytes[1]];
        for (var i = 0; i < ranges.Length; i++)
        {
            var at = bytes[(HeadLength + (i * RangeLength))..];
            var first = BinaryPrimitives.ReadUInt16BigEndian(at);
            var last = BinaryPrimitives.ReadUInt16BigEndian(at[2..]);
            if (first == 0 || last < first)
            {
                return null;
            }

            ranges[i] = new PortRange(first, last);
        }

        var isSole = bytes[0] == 1;
        bytes = bytes[(HeadLength + (ranges.Length * RangeLength))..];
        return new ServiceOffer(isSole, ranges);
    }

    /// <summary>Makes the bytes.</summary>
    public byte[] Write()
    {
        var bytes = new byte[HeadLength + (Ports.Length * RangeLength)];
        bytes[0] = IsSole ? (byte)1 : (byte)0;
        bytes[1] = (byte)Ports.Length;
        for (var i = 0; i < Ports.Length; i++)
        {
            var at = bytes.AsSpan(HeadLength + (i * RangeLength));
            BinaryPrimitives.WriteUInt16BigEndian(at, Ports[i].First);
            BinaryPrimitives.WriteUInt16BigEndian(at[2..], Ports[i].Last);
        }

        return bytes;
    }

    /// <summary>For a person.</summary>
    /// <returns>For example <c>UDP 53, 27015-27030</c>.</returns>
    public string ToDisplayText() => Ports.Length == 0 ? "no port" : $"UDP {string.Join(", ", Ports)}";
}
