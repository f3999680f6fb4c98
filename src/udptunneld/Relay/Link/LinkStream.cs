// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Crypto;
using UdpTunnel.Linux;

namespace UdpTunnel.Relay.Link;

/// <summary>
/// The bytes of one connection: TCP, and TLS above it where the protocol has it. Nothing waits: a read gives the bytes
/// that have come, and a write collects bytes that leave with the next flush, so that all records of a batch leave by
/// one system call. Belongs to one thread.
/// </summary>
internal sealed class LinkStream : ITlsTransport, IDisposable
{
    // Of a stranger: a handshake's flight, and the short frames before approval.
    private const int StrangerPending = 8 * 1024;

    private readonly TcpSocket _socket;
    private readonly TlsSession? _tls;
    private PendingBytes _pending = new(StrangerPending);
    private bool _mayReceive;

    /// <param name="socket">The connection.</param>
    /// <param name="context">The own key; null for no TLS.</param>
    /// <param name="isReceiver">Whether the peer begins.</param>
    public LinkStream(TcpSocket socket, TlsContext? context, bool isReceiver)
    {
        _socket = socket;
        _tls = context is null ? null : new TlsSession(context, this, isReceiver);
    }

    /// <summary>The first byte that came; -1 for none. It tells a stranger's protocol.</summary>
    public int FirstByte { get; private set; } = -1;

    /// <summary>Bytes that the connection has not taken yet.</summary>
    public int PendingCount => _pending.Count;

    /// <summary>Why the handshake failed, for a person.</summary>
    public string Problem => _tls?.Problem ?? "";

    /// <summary>The hash of the peer's key; null for none. Proven when the handshake is done.</summary>
    public byte[]? PeerKeyHash => _tls?.PeerKeyHash;

    /// <summary>The version of the protocol that both ends speak; 0 before it is known, and without TLS.</summary>
    public int Version => _tls?.Version ?? 0;

    /// <summary>Goes on with the handshake and sends the bytes that it brings.</summary>
    public TlsProgress Shake()
    {
        if (_tls is null)
        {
            return TlsProgress.Done;
        }

        _mayReceive = true;
        var progress = _tls.Shake();
        _ = TryFlush();
        return progress;
    }

    /// <summary>
    /// The next read may ask the kernel for bytes, once: what one system call brings is read until nothing is left.
    /// </summary>
    public void BeginFill() => _mayReceive = true;

    /// <summary>Takes bytes.</summary>
    /// <returns>How many; <see cref="TcpSocket.Nothing"/> if there are none now, 0 if the connection ended.</returns>
    public int Read(Span<byte> buffer) => _tls is null ? Receive(buffer) : _tls.Read(buffer);

    /// <summary>Collects bytes.</summary>
    /// <returns>False if they do not fit or the connection is broken.</returns>
    public bool TryWrite(ReadOnlySpan<byte> bytes) => _tls is null ? _pending.TryAppend(bytes) : _tls.Write(bytes);

    /// <summary>Sends the bytes that the connection takes now.</summary>
    /// <returns>False if it is broken.</returns>
    public bool TryFlush()
    {
        while (_pending.Count > 0)
        {
            var sent = _socket.TrySend(_pending.Bytes);
            if (sent < 0)
            {
                return false;
            }

            var all = sent == _pending.Count;
            _pending.Remove(sent);
            if (sent == 0 || all)
            {
                break;
            }
        }

        return true;
    }

    /// <summary>Forgets the bytes that wait.</summary>
    public void Discard() => _pending.Remove(_pending.Count);

    /// <summary>Has room for a stream of datagrams from now on.</summary>
    /// <param name="pending">Bytes that may wait for the connection.</param>
    public void TrustPeer(int pending)
    {
        var larger = new PendingBytes(pending);
        _ = larger.TryAppend(_pending.Bytes);
        _pending = larger;
        _tls?.TrustPeer();
    }

    /// <inheritdoc/>
    int ITlsTransport.Receive(Span<byte> buffer) => Receive(buffer);

    /// <inheritdoc/>
    bool ITlsTransport.Send(ReadOnlySpan<byte> bytes) => _pending.TryAppend(bytes);

    /// <inheritdoc/>
    public void Dispose() => _tls?.Dispose();

    private int Receive(Span<byte> buffer)
    {
        if (!_mayReceive)
        {
            return TcpSocket.Nothing;
        }

        _mayReceive = false;
        var received = _socket.TryReceive(buffer);
        if (received > 0 && FirstByte < 0)
        {
            FirstByte = buffer[0];
        }

        return received;
    }
}
