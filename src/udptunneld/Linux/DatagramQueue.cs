// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;

namespace UdpTunnel.Linux;

/// <summary>
/// A relay's datagrams on their way to a UDP socket: those of one <see cref="Send"/> leave by as few system calls as
/// possible (<see cref="DatagramSender"/>). The bytes stay where they are until then. Belongs to one thread.
/// </summary>
/// <param name="isV6">Whether the sockets are of IPv6, or of both.</param>
internal sealed unsafe class DatagramQueue(bool isV6) : IDisposable
{
    private const int Capacity = 1024;

    private readonly SendBatch _batch = SendBatch.OfDatagrams(Capacity);
    private readonly DatagramSender _sender = new(isV6);
    private readonly Endpoint[] _destinations = new Endpoint[SendBatch.MaxDestinations];
    private readonly SourceAddress[] _sources = new SourceAddress[SendBatch.MaxDestinations];
    private int _count;

    /// <summary>Whether it must be sent before more is added.</summary>
    public bool IsFull => _count == SendBatch.MaxDestinations || !_batch.HasRoomFor(1);

    /// <summary>Whether there is nothing to send.</summary>
    public bool IsEmpty => _batch.IsEmpty;

    /// <summary>Adds a datagram.</summary>
    /// <param name="datagram">First byte; must stay until it is sent.</param>
    /// <param name="length">Its length.</param>
    /// <param name="destination">Where to; the datagrams to one destination come one behind the other.</param>
    /// <param name="source">From which of the host's addresses; none for the kernel to choose.</param>
    public void Add(byte* datagram, int length, in Endpoint destination, in SourceAddress source)
    {
        if (_count == 0 || !_destinations[_count - 1].Equals(destination) || _sources[_count - 1] != source)
        {
            _destinations[_count] = destination;
            _sources[_count] = source;
            _batch.Destination = _count++;
        }

        _ = _batch.AddDatagram(datagram, length, length);
    }

    /// <summary>
    /// Sends everything, without waiting: datagrams that find no room in the socket's buffer are lost.
    /// </summary>
    /// <param name="descriptor">The socket.</param>
    public SendResult Send(int descriptor)
    {
        var result = _sender.Send(descriptor, _batch, _destinations.AsSpan(0, _count), _sources.AsSpan(0, _count));
        _batch.Clear();
        _count = 0;
        return result;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _batch.Dispose();
        _sender.Dispose();
    }
}
