using System.Diagnostics;
using UdpTunnel.Linux;

namespace UdpTunnel.Relay.Link;

/// <summary>
/// What lies under TLS: reads block; writes go out at once while the connection is being set up, and are only collected while datagrams flow, so
/// that all records of a batch leave by one system call that never blocks.
/// </summary>
/// <param name="socket">The connection.</param>
/// <param name="step">Of the thread that reads.</param>
internal sealed class LinkStream(TcpSocket socket, LockStep step) : Stream
{
    // Frames before approval are so short that the kernel always has room for them.
    private static readonly TimeSpan SendTimeout = TimeSpan.FromSeconds(2);

    private PendingBytes? _pending;

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

    /// <summary>From now on writes are collected.</summary>
    public void Collect(PendingBytes pending) => _pending = pending;

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        // So SslStream waits before it takes a buffer. While datagrams flow that would be a call and, for `step`, a wait more for each record.
        if (buffer.IsEmpty && _pending is not null)
        {
            return 0;
        }

        var read = step.Begin(Stopwatch.GetTimestamp()) ? Try(buffer) : TcpSocket.Nothing;
        if (read == TcpSocket.Nothing)
        {
            read = socket.Receive(buffer);
        }

        step.End(Stopwatch.GetTimestamp());
        if (FirstByte < 0 && read > 0)
        {
            FirstByte = buffer[0];
        }

        return read;
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

    private int Try(Span<byte> buffer)
    {
        int read;
        while ((read = socket.TryReceive(buffer)) == TcpSocket.Nothing && step.GoesOn(Stopwatch.GetTimestamp()))
        {
            Thread.Yield();
        }

        return read;
    }
}
