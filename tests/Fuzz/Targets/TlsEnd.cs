// SPDX-License-Identifier: BSD-3-Clause

using System.Security.Cryptography;
using UdpTunnel.Crypto;

namespace UdpTunnel.Tests.Fuzz.Targets;

/// <summary>One end of a TLS connection in memory.</summary>
internal sealed class TlsEnd : ITlsTransport, IDisposable
{
    private readonly Queue<byte[]> _incoming = new();
    private readonly TlsSession _session;

    /// <param name="context">The own key.</param>
    /// <param name="isServer">Whether the peer begins.</param>
    public TlsEnd(TlsContext context, bool isServer) => _session = new TlsSession(context, this, isServer);

    /// <summary>The session.</summary>
    public TlsSession Session => _session;

    /// <summary>Takes the bytes that this end sends.</summary>
    public Action<byte[]> Sends { get; set; } = _ => { };

    /// <summary>Bytes come.</summary>
    public void Bring(byte[] bytes) => _incoming.Enqueue(bytes);

    /// <inheritdoc/>
    public int Receive(Span<byte> buffer)
    {
        if (!_incoming.TryDequeue(out var bytes))
        {
            return TlsSession.Nothing;
        }

        var count = Math.Min(bytes.Length, buffer.Length);
        bytes.AsSpan(0, count).CopyTo(buffer);
        if (count < bytes.Length)
        {
            byte[][] rest = [bytes[count..], .. _incoming];
            _incoming.Clear();
            Array.ForEach(rest, _incoming.Enqueue);
        }

        return count;
    }

    /// <inheritdoc/>
    public bool Send(ReadOnlySpan<byte> bytes)
    {
        Sends(bytes.ToArray());
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => _session.Dispose();

    /// <summary>A key as this program has it.</summary>
    public static TlsContext NewContext()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new TlsContext(key);
    }

    /// <summary>Lets two ends shake hands as long as one of them sends anything.</summary>
    public static (TlsProgress One, TlsProgress Other) Shake(TlsEnd one, TlsEnd other)
    {
        one.Sends = other.Bring;
        other.Sends = one.Bring;
        var (first, second) = (TlsProgress.Waits, TlsProgress.Waits);
        for (var turn = 0; turn < 6; turn++)
        {
            first = one.Session.Shake();
            second = other.Session.Shake();
        }

        return (first, second);
    }
}
