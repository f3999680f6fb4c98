// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Packets;

/// <summary>
/// Datagrams of one size to one destination, the last may be shorter: what one <c>sendmsg</c> with <c>UDP_SEGMENT</c>
/// sends. Its slices lie one after the other in <see cref="SendBatch.Slices"/>; where segmentation is refused,
/// <see cref="SlicesPerDatagram"/> of them at a time are a datagram.
/// </summary>
internal readonly struct Run
{
    /// <summary>Index of the first slice in the batch.</summary>
    public int FirstSlice { get; init; }

    /// <summary>How many datagrams: 1 to <see cref="SendBatch.MaxRunDatagrams"/>.</summary>
    public int Datagrams { get; init; }

    /// <summary>1 (each datagram is contiguous) or 2 (header and payload), the same for the whole run.</summary>
    public int SlicesPerDatagram { get; init; }

    /// <summary>Length of each datagram but the last, in bytes.</summary>
    public int DatagramSize { get; init; }

    /// <summary>Length of all datagrams, at most 65,507 bytes.</summary>
    public int TotalBytes { get; init; }

    /// <summary>Length of all inner packets.</summary>
    public int PacketBytes { get; init; }

    /// <summary>Where it goes, see <see cref="SendBatch.Destination"/>.</summary>
    public int Destination { get; init; }

    /// <summary>How many slices.</summary>
    public int SliceCount => Datagrams * SlicesPerDatagram;

    /// <summary>
    /// Whether it needs <c>UDP_SEGMENT</c>. A single datagram must do without: a segment size that is not below the
    /// length is an error.
    /// </summary>
    public bool IsSegmented => Datagrams > 1;

    /// <summary>Length of the last datagram, 1 to <see cref="DatagramSize"/> bytes.</summary>
    public int LastDatagramSize => TotalBytes - ((Datagrams - 1) * DatagramSize);
}

/// <summary>Datagrams of a run that did not leave.</summary>
/// <param name="Run">Index of the run.</param>
/// <param name="Datagram">The first of them, counted within the run.</param>
/// <param name="Datagrams">How many.</param>
/// <param name="Bytes">Length of all of them.</param>
/// <param name="Reason">Why.</param>
internal readonly record struct Refusal(int Run, int Datagram, int Datagrams, int Bytes, DropReason Reason);
