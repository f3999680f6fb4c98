// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;

namespace UdpTunnel.Crypto;

/// <summary>
/// OpenSSL's library, which this folder alone calls. All of it is OpenSSL 3.0's EVP interface: algorithms are fetched
/// once by name and stay for as long as the process runs.
/// </summary>
/// <remarks>
/// Calls that take well below a microsecond and neither wait nor call back are marked, so that the runtime does not
/// announce them to the garbage collector. Such a mark on a long call would hold up everybody else's collection.
/// </remarks>
internal static unsafe partial class LibCrypto
{
    /// <summary>Type of an X25519 key (NID_X25519).</summary>
    public const int X25519 = 1034;

    /// <summary>EVP_CTRL_AEAD_GET_TAG of <see cref="ControlCipher"/>.</summary>
    public const int GetTag = 0x10;

    /// <summary>EVP_CTRL_AEAD_SET_TAG of <see cref="ControlCipher"/>.</summary>
    public const int SetTag = 0x11;

    private const string Library = "libcrypto.so.3";

    private static readonly Lock Fetching = new();
    private static nint _chaCha20Poly1305;
    private static nint _blake2s;
    private static nint _blake2sMac;

    /// <summary>The cipher ChaCha20-Poly1305 (RFC 8439).</summary>
    /// <exception cref="CryptoException">The library is not there, or does not offer it.</exception>
    public static nint ChaCha20Poly1305 => Fetch(ref _chaCha20Poly1305, "ChaCha20-Poly1305", FetchCipher);

    /// <summary>The digest BLAKE2s of 32 bytes (RFC 7693).</summary>
    /// <exception cref="CryptoException">The library is not there, or does not offer it.</exception>
    public static nint Blake2s => Fetch(ref _blake2s, "BLAKE2S-256", FetchDigest);

    /// <summary>The message authentication code that keyed BLAKE2s is.</summary>
    /// <exception cref="CryptoException">The library is not there, or does not offer it.</exception>
    public static nint Blake2sMac => Fetch(ref _blake2sMac, "BLAKE2SMAC", FetchMac);

    /// <summary>
    /// Finds out whether all is there that secure tunnels need, for an error before anything else is set up.
    /// </summary>
    /// <exception cref="CryptoException">
    /// The library is not there, or lacks an algorithm; the message says which.
    /// </exception>
    public static void Require()
    {
        _ = ChaCha20Poly1305;
        _ = Blake2s;
        _ = Blake2sMac;
        using var key = X25519PrivateKey.Import([1, .. new byte[X25519PrivateKey.Size - 1]]);
    }

    /// <summary>
    /// Makes the exception for a call that failed, and empties the thread's queue of errors, which other users of
    /// OpenSSL read.
    /// </summary>
    /// <param name="what">What was attempted, as the start of a sentence: "cannot start BLAKE2s".</param>
    public static CryptoException Failure(string what)
    {
        const int MaxText = 256;
        byte* text = stackalloc byte[MaxText];
        var code = LastError();
        DescribeError(code, text, MaxText);
        ClearErrors();
        return new CryptoException(code == 0 ? what : $"{what}: {Marshal.PtrToStringUTF8((nint)text)}");
    }

    private static nint Fetch(ref nint algorithm, string name, Func<nint, string, nint, nint> fetch)
    {
        if (Volatile.Read(ref algorithm) is var fetched && fetched != 0)
        {
            return fetched;
        }

        lock (Fetching)
        {
            if (algorithm == 0)
            {
                try
                {
                    fetched = fetch(0, name, 0);
                }
                catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
                {
                    throw new CryptoException($"cannot load {Library} (Debian package libssl3)");
                }

                Volatile.Write(
                    ref algorithm,
                    fetched != 0 ? fetched : throw Failure($"{Library} does not offer {name}")
                );
            }

            return algorithm;
        }
    }

    [LibraryImport(Library, EntryPoint = "EVP_CIPHER_fetch", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint FetchCipher(nint library, string name, nint properties);

    [LibraryImport(Library, EntryPoint = "EVP_MD_fetch", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint FetchDigest(nint library, string name, nint properties);

    [LibraryImport(Library, EntryPoint = "EVP_MAC_fetch", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint FetchMac(nint library, string name, nint properties);

    [LibraryImport(Library, EntryPoint = "EVP_CIPHER_CTX_new")]
    public static partial nint NewCipher();

    [LibraryImport(Library, EntryPoint = "EVP_CIPHER_CTX_free")]
    public static partial void FreeCipher(nint context);

    /// <summary>Starts a cipher; what is null stays as it was. <c>-1</c> as direction keeps that, too.</summary>
    [LibraryImport(Library, EntryPoint = "EVP_CipherInit_ex")]
    [SuppressGCTransition]
    public static partial int StartCipher(nint context, nint cipher, nint engine, byte* key, byte* nonce, int encrypt);

    [LibraryImport(Library, EntryPoint = "EVP_CipherUpdate")]
    public static partial int UpdateCipher(nint context, byte* output, int* written, byte* input, int length);

    /// <summary>For at most as many bytes as take well below a microsecond.</summary>
    [LibraryImport(Library, EntryPoint = "EVP_CipherUpdate")]
    [SuppressGCTransition]
    public static partial int UpdateCipherBriefly(nint context, byte* output, int* written, byte* input, int length);

    [LibraryImport(Library, EntryPoint = "EVP_CipherFinal_ex")]
    [SuppressGCTransition]
    public static partial int FinishCipher(nint context, byte* output, int* written);

    [LibraryImport(Library, EntryPoint = "EVP_CIPHER_CTX_ctrl")]
    [SuppressGCTransition]
    public static partial int ControlCipher(nint context, int what, int length, byte* value);

    [LibraryImport(Library, EntryPoint = "EVP_MD_CTX_new")]
    public static partial nint NewDigest();

    [LibraryImport(Library, EntryPoint = "EVP_MD_CTX_free")]
    public static partial void FreeDigest(nint context);

    [LibraryImport(Library, EntryPoint = "EVP_DigestInit_ex2")]
    [SuppressGCTransition]
    public static partial int StartDigest(nint context, nint algorithm, nint parameters);

    [LibraryImport(Library, EntryPoint = "EVP_DigestUpdate")]
    [SuppressGCTransition]
    public static partial int UpdateDigest(nint context, byte* input, nuint length);

    [LibraryImport(Library, EntryPoint = "EVP_DigestFinal_ex")]
    [SuppressGCTransition]
    public static partial int FinishDigest(nint context, byte* output, uint* written);

    [LibraryImport(Library, EntryPoint = "EVP_MAC_CTX_new")]
    public static partial nint NewMac(nint algorithm);

    [LibraryImport(Library, EntryPoint = "EVP_MAC_CTX_free")]
    public static partial void FreeMac(nint context);

    [LibraryImport(Library, EntryPoint = "EVP_MAC_init")]
    [SuppressGCTransition]
    public static partial int StartMac(nint context, byte* key, nuint length, MacParameter* parameters);

    [LibraryImport(Library, EntryPoint = "EVP_MAC_update")]
    [SuppressGCTransition]
    public static partial int UpdateMac(nint context, byte* input, nuint length);

    [LibraryImport(Library, EntryPoint = "EVP_MAC_final")]
    [SuppressGCTransition]
    public static partial int FinishMac(nint context, byte* output, nuint* written, nuint room);

    [LibraryImport(Library, EntryPoint = "EVP_PKEY_new_raw_private_key")]
    public static partial nint ImportPrivateKey(int type, nint engine, byte* key, nuint length);

    [LibraryImport(Library, EntryPoint = "EVP_PKEY_new_raw_public_key")]
    public static partial nint ImportPublicKey(int type, nint engine, byte* key, nuint length);

    [LibraryImport(Library, EntryPoint = "EVP_PKEY_get_raw_public_key")]
    public static partial int ExportPublicKey(nint key, byte* output, nuint* length);

    [LibraryImport(Library, EntryPoint = "EVP_PKEY_free")]
    public static partial void FreeKey(nint key);

    [LibraryImport(Library, EntryPoint = "EVP_PKEY_CTX_new")]
    public static partial nint NewAgreement(nint key, nint engine);

    [LibraryImport(Library, EntryPoint = "EVP_PKEY_CTX_free")]
    public static partial void FreeAgreement(nint context);

    [LibraryImport(Library, EntryPoint = "EVP_PKEY_derive_init")]
    public static partial int StartAgreement(nint context);

    [LibraryImport(Library, EntryPoint = "EVP_PKEY_derive_set_peer")]
    public static partial int SetAgreementPeer(nint context, nint key);

    [LibraryImport(Library, EntryPoint = "EVP_PKEY_derive")]
    public static partial int Agree(nint context, byte* output, nuint* length);

    [LibraryImport(Library, EntryPoint = "ERR_clear_error")]
    public static partial void ClearErrors();

    [LibraryImport(Library, EntryPoint = "ERR_peek_last_error")]
    private static partial nuint LastError();

    [LibraryImport(Library, EntryPoint = "ERR_error_string_n")]
    private static partial void DescribeError(nuint code, byte* text, nuint room);

    /// <summary>One parameter of a MAC (OSSL_PARAM); one without a name ends a list.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct MacParameter
    {
        /// <summary>OSSL_PARAM_UNSIGNED_INTEGER.</summary>
        public const uint UnsignedInteger = 2;

        /// <summary>Its name, ended by a zero byte.</summary>
        public byte* Name;

        /// <summary>Kind of the value.</summary>
        public uint Type;

        /// <summary>The value.</summary>
        public void* Value;

        /// <summary>Bytes of the value.</summary>
        public nuint Length;

        /// <summary>Written by the callee.</summary>
        public nuint Returned;
    }
}

/// <summary>
/// OpenSSL is missing or refuses what it has to offer. Never thrown because of bytes that somebody sent.
/// </summary>
internal sealed class CryptoException(string message) : Exception(message);
