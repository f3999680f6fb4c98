// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using static UdpTunnel.Crypto.TlsLibrary;

namespace UdpTunnel.Crypto;

/// <summary>What lies under a TLS session. Nothing in it waits, and nothing in it throws.</summary>
internal interface ITlsTransport
{
    /// <summary>Takes bytes that have come.</summary>
    /// <returns>How many; <see cref="TlsSession.Nothing"/> if there are none now, 0 if no more will come.</returns>
    int Receive(Span<byte> buffer);

    /// <summary>Takes bytes that are to leave.</summary>
    /// <returns>False if there is no room for them, which ends the session.</returns>
    bool Send(ReadOnlySpan<byte> bytes);
}

/// <summary>How far a handshake is.</summary>
internal enum TlsProgress
{
    /// <summary>It needs more bytes of the peer.</summary>
    Waits,

    /// <summary>Both ends have proven their keys.</summary>
    Done,

    /// <summary>It failed.</summary>
    Failed,
}

/// <summary>
/// One TLS connection that never waits: it reads and writes through an <see cref="ITlsTransport"/>. Belongs to one
/// thread.
/// </summary>
/// <remarks>
/// Memory of a stranger: OpenSSL's state of about 20 KiB, and one record of at most 18 KiB while it is incomplete. A
/// handshake that sends more than <see cref="MaxHandshake"/> bytes fails.
/// </remarks>
internal sealed unsafe class TlsSession : IDisposable
{
    /// <summary>There are no bytes now.</summary>
    public const int Nothing = -1;

    /// <summary>
    /// The most bytes that a peer may send until its key is proven. Those of this program send about 2 KiB.
    /// </summary>
    public const int MaxHandshake = 16 * 1024;

    // Bytes of a session whose peer is trusted that one system call takes.
    private const int TrustedReadBuffer = 64 * 1024;

    // SubjectPublicKeyInfo of an uncompressed point on P-256 (RFC 5480), without the 64 bytes of the point.
    private static readonly byte[] KeyPrefix = Convert.FromHexString(
        "3059301306072A8648CE3D020106082A8648CE3D03010703420004"
    );
    private static readonly int KeyLength = KeyPrefix.Length + 64;

    private static readonly nint BioMethod = NewMethod();

    private readonly TlsSessionHandle _session;
    private readonly ITlsTransport _transport;
    private int _received;
    private bool _isDone;
    private bool _hasFailed;
    private bool _growsWhenEmpty;
    private string _certificateProblem = "";

    /// <param name="context">The own key. It must live longer.</param>
    /// <param name="transport">Where bytes come from and go to.</param>
    /// <param name="isServer">Whether the peer begins.</param>
    /// <exception cref="InsufficientMemoryException">There is no memory for it.</exception>
    public TlsSession(TlsContext context, ITlsTransport transport, bool isServer)
    {
        _transport = transport;
        var session = NewSession(context.Handle);
        var bio = session == 0 ? 0 : NewBio(BioMethod);
        if (bio == 0)
        {
            FreeSession(session);
            throw new InsufficientMemoryException("no memory for a TLS session");
        }

        // Weak, so that a session that nobody disposed of can be finalised.
        var managed = GCHandle.Alloc(this, GCHandleType.Weak);
        _session = new TlsSessionHandle(session, managed);
        SetBioData(bio, GCHandle.ToIntPtr(managed));
        SetBioReady(bio, 1);
        SetBio(session, bio, bio);
        _ = SetData(session, 0, GCHandle.ToIntPtr(managed));
        if (isServer)
        {
            SetAcceptState(session);
        }
        else
        {
            SetConnectState(session);
        }
    }

    /// <summary>Why the handshake failed, for a person.</summary>
    public string Problem { get; private set; } = "";

    /// <summary>
    /// SHA-256 of the SubjectPublicKeyInfo of the peer's key; null until the peer has shown one. Proven when the
    /// handshake is done.
    /// </summary>
    public byte[]? PeerKeyHash { get; private set; }

    /// <summary>The version of the application protocol that both ends speak; 0 until the handshake is done.</summary>
    public int Version { get; private set; }

    private nint Handle => _session.DangerousGetHandle();

    /// <summary>Goes on with the handshake as far as the bytes that have come allow.</summary>
    public TlsProgress Shake()
    {
        if (_hasFailed)
        {
            return TlsProgress.Failed;
        }

        if (_isDone)
        {
            return TlsProgress.Done;
        }

        ClearErrors();
        var result = Handshake(Handle);
        if (result == 1)
        {
            _isDone = IsOurs();
            return _isDone ? TlsProgress.Done : Fail("the other end speaks TLS, but not as a relay");
        }

        if (Waits(result))
        {
            return TlsProgress.Waits;
        }

        var reason = FirstError();
        return Fail(
            _certificateProblem.Length > 0 ? _certificateProblem
            : reason.Length > 0 ? reason
            : "the other end closed the connection"
        );
    }

    /// <summary>Takes decrypted bytes.</summary>
    /// <returns>
    /// How many; <see cref="Nothing"/> if none have come, 0 if the session has ended, whatever the reason.
    /// </returns>
    public int Read(Span<byte> buffer)
    {
        if (_hasFailed || !_isDone)
        {
            return 0;
        }

        Grow();
        ClearErrors();
        int result;
        fixed (byte* start = buffer)
        {
            result = TlsLibrary.Read(Handle, start, buffer.Length);
        }

        if (result > 0)
        {
            return result;
        }

        if (Waits(result))
        {
            return Nothing;
        }

        _hasFailed = true;
        return 0;
    }

    /// <summary>Encrypts bytes and hands them to the transport.</summary>
    /// <returns>False if the session has ended.</returns>
    public bool Write(ReadOnlySpan<byte> bytes)
    {
        if (_hasFailed || !_isDone)
        {
            return false;
        }

        ClearErrors();
        fixed (byte* start = bytes)
        {
            if (TlsLibrary.Write(Handle, start, bytes.Length) == bytes.Length)
            {
                return true;
            }
        }

        _hasFailed = true;
        return false;
    }

    /// <summary>Keeps buffers that are large enough for a stream from now on.</summary>
    public void TrustPeer() => _growsWhenEmpty = true;

    /// <inheritdoc/>
    public void Dispose() => _session.Dispose();

    /// <summary>The peer has shown its certificates: the only look at them that there is.</summary>
    /// <returns>1 to go on, 0 to fail.</returns>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    internal static int OnCertificate(nint store, nint argument)
    {
        try
        {
            var session = GetStoreData(store, SessionIndex());
            if (session != 0 && Find(GetData(session, 0)) is { } managed && managed.Accept(store))
            {
                SetStoreError(store, X509_V_OK);
                return 1;
            }
        }
        catch (Exception)
        {
            // No exception may pass through OpenSSL's frames. The handshake fails.
        }

        SetStoreError(store, X509_V_ERR_CERT_REJECTED);
        return 0;
    }

    private static TlsSession? Find(nint handle) =>
        handle == 0 ? null : GCHandle.FromIntPtr(handle).Target as TlsSession;

    private static nint NewMethod()
    {
        nint method;
        fixed (byte* name = "udptunnel\0"u8)
        {
            method = NewBioMethod(BIO_TYPE_SOURCE_SINK, name);
        }

        if (method == 0)
        {
            throw new InsufficientMemoryException("no memory for TLS");
        }

        _ = SetBioRead(method, &OnRead);
        _ = SetBioWrite(method, &OnWrite);
        _ = SetBioControl(method, &OnControl);
        return method;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnRead(nint bio, byte* buffer, int length)
    {
        ClearBioFlags(bio, BIO_FLAGS_RETRIES);
        try
        {
            if (Find(GetBioData(bio)) is not { } session)
            {
                return -1;
            }

            var received = session.Receive(new Span<byte>(buffer, length));
            if (received == Nothing)
            {
                SetBioFlags(bio, BIO_FLAGS_RETRY_READ);
            }

            return received;
        }
        catch (Exception)
        {
            // As in OnCertificate: the session ends.
            return -1;
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnWrite(nint bio, byte* bytes, int length)
    {
        ClearBioFlags(bio, BIO_FLAGS_RETRIES);
        try
        {
            var isTaken =
                Find(GetBioData(bio)) is { } session && session._transport.Send(new ReadOnlySpan<byte>(bytes, length));
            return isTaken ? length : -1;
        }
        catch (Exception)
        {
            return -1;
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint OnControl(nint bio, int command, nint number, void* pointer) =>
        command == BIO_CTRL_FLUSH ? 1 : 0;

    private int Receive(Span<byte> buffer)
    {
        if (!_isDone && _received >= MaxHandshake)
        {
            _certificateProblem = "its handshake is longer than any of this program";
            return 0;
        }

        var received = _transport.Receive(buffer);
        _received += _isDone ? 0 : Math.Max(0, received);
        return received;
    }

    private bool Accept(nint store)
    {
        var certificate = PeerCertificate(store);
        if (certificate == 0 || Count(PeerCertificates(store)) != 1)
        {
            _certificateProblem = "the other end shows more than its own certificate";
            return false;
        }

        if (WriteCertificate(certificate, null) is <= 0 or > TlsContext.MaxCertificate)
        {
            _certificateProblem = "the other end's certificate is longer than any of this program";
            return false;
        }

        var key = PublicKeyOf(certificate);
        var info = stackalloc byte[KeyLength];
        var end = info;
        if (
            key == 0
            || WritePublicKey(key, null) != KeyLength
            || WritePublicKey(key, &end) != KeyLength
            || !new ReadOnlySpan<byte>(info, KeyLength).StartsWith(KeyPrefix)
        )
        {
            _certificateProblem = "the other end's key is none of this program: not ECDSA P-256";
            return false;
        }

        PeerKeyHash = SHA256.HashData(new ReadOnlySpan<byte>(info, KeyLength));
        return true;
    }

    private bool IsOurs()
    {
        byte* name;
        uint length;
        SelectedProtocol(Handle, &name, &length);
        Version = TlsContext.VersionOf(new ReadOnlySpan<byte>(name, (int)length));
        return PeerKeyHash is not null && Version > 0;
    }

    /// <summary>
    /// A buffer in use keeps its size, so that the larger one comes when the smaller is empty and was given back.
    /// </summary>
    private void Grow()
    {
        if (_growsWhenEmpty && HasPending(Handle) == 0)
        {
            _growsWhenEmpty = false;
            SetReadBuffer(Handle, TrustedReadBuffer);
            _ = ControlSession(Handle, SSL_CTRL_CLEAR_MODE, SSL_MODE_RELEASE_BUFFERS, null);
        }
    }

    private bool Waits(int result) => ErrorOf(Handle, result) is SSL_ERROR_WANT_READ or SSL_ERROR_WANT_WRITE;

    private TlsProgress Fail(string problem)
    {
        _hasFailed = true;
        Problem = problem;
        return TlsProgress.Failed;
    }
}
