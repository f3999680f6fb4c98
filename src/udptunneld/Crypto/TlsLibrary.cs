// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace UdpTunnel.Crypto;

/// <summary>
/// OpenSSL's TLS (libssl 3) and the little of libcrypto that it needs. Only the classes named Tls call it. Numbers are
/// those of include/openssl/ssl.h, bio.h and x509.h, which are the same on every architecture.
/// </summary>
internal static unsafe partial class TlsLibrary
{
    public const int Tls13 = 0x0304;

    public const int SSL_CTRL_MODE = 33;
    public const int SSL_CTRL_SET_READ_AHEAD = 41;
    public const int SSL_CTRL_SET_SESS_CACHE_MODE = 44;
    public const int SSL_CTRL_SET_MAX_CERT_LIST = 51;
    public const int SSL_CTRL_CLEAR_MODE = 78;
    public const int SSL_CTRL_SET_SIGALGS_LIST = 98;
    public const int SSL_CTRL_SET_MIN_PROTO_VERSION = 123;
    public const int SSL_CTRL_SET_MAX_PROTO_VERSION = 124;

    public const int SSL_MODE_RELEASE_BUFFERS = 0x10;

    public const ulong SSL_OP_NO_TICKET = 1UL << 14;
    public const ulong SSL_OP_NO_COMPRESSION = 1UL << 17;
    public const ulong SSL_OP_NO_RENEGOTIATION = 1UL << 30;

    public const int SSL_VERIFY_PEER = 1;
    public const int SSL_VERIFY_FAIL_IF_NO_PEER_CERT = 2;

    public const int SSL_ERROR_WANT_READ = 2;
    public const int SSL_ERROR_WANT_WRITE = 3;

    public const int SSL_TLSEXT_ERR_OK = 0;
    public const int SSL_TLSEXT_ERR_ALERT_FATAL = 2;

    public const int BIO_TYPE_SOURCE_SINK = 0x0400;
    public const int BIO_CTRL_FLUSH = 11;
    public const int BIO_FLAGS_RETRY_READ = 0x01 | 0x08;
    public const int BIO_FLAGS_RETRIES = 0x0F;

    public const int X509_V_OK = 0;
    public const int X509_V_ERR_CERT_REJECTED = 28;
    public const int EVP_PKEY_EC = 408;

    private const string Ssl = "libssl.so.3";
    private const string Crypto = "libcrypto.so.3";

    // OPENSSL_INIT_NO_ATEXIT: threads may still use the library while the process ends.
    private const ulong NoAtExit = 0x0008_0000;

    static TlsLibrary() => _ = Initialize(NoAtExit, 0);

    [LibraryImport(Ssl, EntryPoint = "TLS_method")]
    public static partial nint Method();

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_new")]
    public static partial nint NewContext(nint method);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_free")]
    public static partial void FreeContext(nint context);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_ctrl")]
    public static partial nint ControlContext(nint context, int command, nint number, void* pointer);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_options")]
    public static partial ulong SetOptions(nint context, ulong options);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_num_tickets")]
    public static partial int SetTickets(nint context, nuint count);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_verify")]
    public static partial void SetVerify(nint context, int mode, nint callback);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_cert_verify_callback")]
    public static partial void SetCertificateCallback(
        nint context,
        delegate* unmanaged[Cdecl]<nint, nint, int> callback,
        nint argument
    );

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_alpn_protos")]
    public static partial int SetProtocols(nint context, byte* list, uint length);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_alpn_select_cb")]
    public static partial void SetProtocolCallback(
        nint context,
        delegate* unmanaged[Cdecl]<nint, byte**, byte*, byte*, uint, nint, int> callback,
        nint argument
    );

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_use_certificate_ASN1")]
    public static partial int UseCertificate(nint context, int length, byte* der);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_use_PrivateKey_ASN1")]
    public static partial int UsePrivateKey(int type, nint context, byte* der, nint length);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_check_private_key")]
    public static partial int CheckPrivateKey(nint context);

    [LibraryImport(Ssl, EntryPoint = "SSL_new")]
    public static partial nint NewSession(nint context);

    [LibraryImport(Ssl, EntryPoint = "SSL_free")]
    public static partial void FreeSession(nint session);

    [LibraryImport(Ssl, EntryPoint = "SSL_ctrl")]
    public static partial nint ControlSession(nint session, int command, nint number, void* pointer);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_bio")]
    public static partial void SetBio(nint session, nint read, nint write);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_accept_state")]
    public static partial void SetAcceptState(nint session);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_connect_state")]
    public static partial void SetConnectState(nint session);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_default_read_buffer_len")]
    public static partial void SetReadBuffer(nint session, nuint length);

    [LibraryImport(Ssl, EntryPoint = "SSL_do_handshake")]
    public static partial int Handshake(nint session);

    [LibraryImport(Ssl, EntryPoint = "SSL_read")]
    public static partial int Read(nint session, byte* buffer, int length);

    [LibraryImport(Ssl, EntryPoint = "SSL_write")]
    public static partial int Write(nint session, byte* buffer, int length);

    [LibraryImport(Ssl, EntryPoint = "SSL_has_pending")]
    public static partial int HasPending(nint session);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_error")]
    public static partial int ErrorOf(nint session, int result);

    [LibraryImport(Ssl, EntryPoint = "SSL_get0_alpn_selected")]
    public static partial void SelectedProtocol(nint session, byte** name, uint* length);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_ex_data")]
    public static partial int SetData(nint session, int index, nint data);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_ex_data")]
    public static partial nint GetData(nint session, int index);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_ex_data_X509_STORE_CTX_idx")]
    public static partial int SessionIndex();

    [LibraryImport(Crypto, EntryPoint = "X509_STORE_CTX_get_ex_data")]
    public static partial nint GetStoreData(nint store, int index);

    [LibraryImport(Crypto, EntryPoint = "X509_STORE_CTX_get0_cert")]
    public static partial nint PeerCertificate(nint store);

    [LibraryImport(Crypto, EntryPoint = "X509_STORE_CTX_get0_untrusted")]
    public static partial nint PeerCertificates(nint store);

    [LibraryImport(Crypto, EntryPoint = "X509_STORE_CTX_set_error")]
    public static partial void SetStoreError(nint store, int error);

    [LibraryImport(Crypto, EntryPoint = "OPENSSL_sk_num")]
    public static partial int Count(nint stack);

    [LibraryImport(Crypto, EntryPoint = "i2d_X509")]
    public static partial int WriteCertificate(nint certificate, byte** output);

    [LibraryImport(Crypto, EntryPoint = "X509_get_X509_PUBKEY")]
    public static partial nint PublicKeyOf(nint certificate);

    [LibraryImport(Crypto, EntryPoint = "i2d_X509_PUBKEY")]
    public static partial int WritePublicKey(nint key, byte** output);

    [LibraryImport(Crypto, EntryPoint = "BIO_meth_new")]
    public static partial nint NewBioMethod(int type, byte* name);

    [LibraryImport(Crypto, EntryPoint = "BIO_meth_set_read")]
    public static partial int SetBioRead(nint method, delegate* unmanaged[Cdecl]<nint, byte*, int, int> read);

    [LibraryImport(Crypto, EntryPoint = "BIO_meth_set_write")]
    public static partial int SetBioWrite(nint method, delegate* unmanaged[Cdecl]<nint, byte*, int, int> write);

    [LibraryImport(Crypto, EntryPoint = "BIO_meth_set_ctrl")]
    public static partial int SetBioControl(
        nint method,
        delegate* unmanaged[Cdecl]<nint, int, nint, void*, nint> control
    );

    [LibraryImport(Crypto, EntryPoint = "BIO_new")]
    public static partial nint NewBio(nint method);

    [LibraryImport(Crypto, EntryPoint = "BIO_set_init")]
    public static partial void SetBioReady(nint bio, int ready);

    [LibraryImport(Crypto, EntryPoint = "BIO_set_data")]
    public static partial void SetBioData(nint bio, nint data);

    [LibraryImport(Crypto, EntryPoint = "BIO_get_data")]
    public static partial nint GetBioData(nint bio);

    [LibraryImport(Crypto, EntryPoint = "BIO_set_flags")]
    public static partial void SetBioFlags(nint bio, int flags);

    [LibraryImport(Crypto, EntryPoint = "BIO_clear_flags")]
    public static partial void ClearBioFlags(nint bio, int flags);

    /// <summary>
    /// Each thread has a queue of errors, in which those of a call before would be taken for this one's.
    /// </summary>
    [LibraryImport(Crypto, EntryPoint = "ERR_clear_error")]
    public static partial void ClearErrors();

    /// <summary>The oldest error of this thread's queue, as words for a person.</summary>
    public static string FirstError() =>
        FirstErrorCode() is var code and not 0 && Marshal.PtrToStringUTF8(ErrorText(code)) is { } text ? text : "";

    [LibraryImport(Crypto, EntryPoint = "ERR_peek_error")]
    private static partial nuint FirstErrorCode();

    [LibraryImport(Crypto, EntryPoint = "ERR_reason_error_string")]
    private static partial nint ErrorText(nuint code);

    [LibraryImport(Ssl, EntryPoint = "OPENSSL_init_ssl")]
    private static partial int Initialize(ulong options, nint settings);
}

/// <summary>Owns an <c>SSL_CTX</c>.</summary>
internal sealed class TlsContextHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    public TlsContextHandle(nint context)
        : base(ownsHandle: true) => SetHandle(context);

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        TlsLibrary.FreeContext(handle);
        return true;
    }
}

/// <summary>
/// Owns an <c>SSL</c> with its BIO, and the handle by which their callbacks find the managed session.
/// </summary>
internal sealed class TlsSessionHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    private GCHandle _session;

    public TlsSessionHandle(nint session, GCHandle managed)
        : base(ownsHandle: true)
    {
        SetHandle(session);
        _session = managed;
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        TlsLibrary.FreeSession(handle);
        _session.Free();
        return true;
    }
}
