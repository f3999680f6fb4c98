using UdpTunnel.Linux;

namespace UdpTunnel.Relay.Link;

/// <summary>
/// What lies under TLS. While the connection is being set up reads block and writes go out at once. While datagrams flow neither waits: what has come is
/// taken first (<see cref="TryReceive"/>), and writes are only collected, so that all records of a batch leave by one system call.
/// </summary>
/// <param name="socket">The connection.</param>
/// <param name="isTls">Whether TLS lies above it.</param>
internal sealed class LinkStream(TcpSocket socket, bool isTls) : Stream
{
    // Frames before approval are so short that the kernel always has room for them.
    private static readonly TimeSpan SendTimeout = TimeSpan.FromSeconds(2);

    private readonly ReceivedBytes _received = new(isTls);
    private PendingBytes? _pending;
    private bool _isAhead;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>The first byte that came; -1 for none. It tells what a stranger speaks.</summary>
    public int FirstByte { get; private set; } = -1;

    /// <summary>Whether a read gives something of what has come.</summary>
    /// <exception cref="IOException">What came is not TLS.</exception>
    public bool IsReady => _received.IsReady;

    /// <summary>From now on writes are collected.</summary>
    public void Collect(PendingBytes pending) => _pending = pending;

    /// <summary>From now on reads give only what <see cref="TryReceive"/> took.</summary>
    public void ReceiveAhead()
    {
        _isAhead = true;
        _received.Grow();
    }

    /// <summary>Takes what has come, without waiting.</summary>
    /// <returns>How many bytes; <see cref="TcpSocket.Nothing"/> if there are none, 0 if the connection ended.</returns>
    public int TryReceive() => Note(socket.TryReceive(_received.Room));

    /// <inheritdoc/>
    /// <exception cref="NothingYetException">Nothing whole has come, and the thread that reads must not wait.</exception>
    public override int Read(Span<byte> buffer)
    {
        // So SslStream waits before it takes a buffer. While datagrams flow whoever calls it knows that there is something.
        if (buffer.IsEmpty && _isAhead)
        {
            return 0;
        }

        while (!_received.IsReady)
        {
            if (_isAhead)
            {
                throw new NothingYetException();
            }

            if (Note(socket.Receive(_received.Room)) == 0)
            {
                return 0;
            }
        }

        return _received.Take(buffer);
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (_pending is { } pending)
        {
            pending.Append(buffer);
        }
        else if (!socket.Send(buffer, SendTimeout))
        {
            throw new IOException("the connection ended");
        }
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    private int Note(int received)
    {
        if (received > 0)
        {
            var room = _received.Room;
            FirstByte = FirstByte < 0 ? room[0] : FirstByte;
            _received.Add(received);
        }

        return received;
    }

    /// <summary>TLS wants more than it was given: after a record that is its own alone, as one with new keys. It reads on when more has come.</summary>
    internal sealed class NothingYetException : IOException;
}
