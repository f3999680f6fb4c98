// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;

namespace UdpTunnel.WireGuard;

/// <summary>
/// The protocol's numbers, under the names of the paper ("WireGuard: Next Generation Kernel Network Tunnel", sections 5
/// and 6). Times are in milliseconds of a monotonic clock that goes on while the host is suspended (CLOCK_BOOTTIME), so
/// that keys age in their sleep.
/// </summary>
internal static class Protocol
{
    /// <summary>Noise's name of the handshake.</summary>
    public static ReadOnlySpan<byte> Construction => "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"u8;

    /// <summary>The prologue, which sets this protocol apart from others with the same handshake.</summary>
    public static ReadOnlySpan<byte> Identifier => "WireGuard v1 zx2c4 Jason@zx2c4.com"u8;

    /// <summary>What the key of mac1 is derived with.</summary>
    public static ReadOnlySpan<byte> LabelMac1 => "mac1----"u8;

    /// <summary>What the key of cookie replies is derived with.</summary>
    public static ReadOnlySpan<byte> LabelCookie => "cookie--"u8;

    /// <summary>Messages after which the end that began a session begins the next one.</summary>
    public const ulong RekeyAfterMessages = 1UL << 60;

    /// <summary>Messages that a session carries at most: the counter of a message is below this.</summary>
    public const ulong RejectAfterMessages = ulong.MaxValue - (1UL << 13);

    /// <summary>Age at which the end that began a session begins the next one when it sends.</summary>
    public const long RekeyAfterTime = 120_000;

    /// <summary>Age from which on a session carries nothing any more.</summary>
    public const long RejectAfterTime = 180_000;

    /// <summary>For how long a handshake is tried again.</summary>
    public const long RekeyAttemptTime = 90_000;

    /// <summary>How soon an initiation is sent again, and how soon the next one at all.</summary>
    public const long RekeyTimeout = 5_000;

    /// <summary>Chance adds up to this much, so that two ends that began together do not go on together.</summary>
    public const int MaxJitter = 333;

    /// <summary>How soon an end that has received data and sent nothing says that it is there.</summary>
    public const long KeepaliveTimeout = 10_000;

    /// <summary>Age of a session without a new one at which all keys of a peer are zeroed.</summary>
    public const long ForgetAfterTime = 3 * RejectAfterTime;

    /// <summary>For how long a cookie is good, and for how long the secret that makes cookies is kept.</summary>
    public const long CookieRefreshTime = 120_000;

    /// <summary>Least time between two initiations of one peer that are answered.</summary>
    public const long InitiationInterval = 20;

    /// <summary>Packets are padded with zeros to a multiple of this.</summary>
    public const int PaddingMultiple = 16;

    /// <summary>Most peers of one tunnel, as in other implementations.</summary>
    public const int MaxPeers = 1 << 16;
}

/// <summary>
/// First byte of a message; three zero bytes follow, so that it is read as one little-endian number of 32 bits.
/// </summary>
internal enum MessageType : uint
{
    /// <summary><see cref="InitiationMessage"/>.</summary>
    Initiation = 1,

    /// <summary><see cref="ResponseMessage"/>.</summary>
    Response = 2,

    /// <summary><see cref="CookieMessage"/>.</summary>
    CookieReply = 3,

    /// <summary><see cref="TransportMessage"/>.</summary>
    Transport = 4,
}

/// <summary>
/// The first message of a handshake, 148 bytes. Numbers are little-endian.
/// <code>
///    0      4        8                 40                     88                     116     132     148
///    +------+--------+-----------------+----------------------+----------------------+-------+-------+
///    | 1    | sender | ephemeral key   | static key, sealed   | timestamp, sealed    | mac1  | mac2  |
///    | u32  | u32    | 32              | 32 + tag 16          | TAI64N 12 + tag 16   | 16    | 16    |
///    +------+--------+-----------------+----------------------+----------------------+-------+-------+
/// </code>
/// The sender's index is the one that answers are to name. mac1 covers everything before it, mac2 everything before it,
/// mac1 included; mac2 is zero without a cookie.
/// </summary>
internal static class InitiationMessage
{
    /// <summary>Length in bytes.</summary>
    public const int Size = 148;

    /// <summary>Where the sender's index stands.</summary>
    public const int Sender = 4;

    /// <summary>Where Noise's first message begins: ephemeral key, static key, timestamp.</summary>
    public const int Noise = 8;

    /// <summary>Where mac1 stands, and mac2 behind it.</summary>
    public const int Mac1 = 116;
}

/// <summary>
/// The second message of a handshake, 92 bytes. Numbers are little-endian.
/// <code>
///    0      4        8          12                44                60      76      92
///    +------+--------+----------+-----------------+-----------------+-------+-------+
///    | 2    | sender | receiver | ephemeral key   | nothing, sealed | mac1  | mac2  |
///    | u32  | u32    | u32      | 32              | tag 16          | 16    | 16    |
///    +------+--------+----------+-----------------+-----------------+-------+-------+
/// </code>
/// </summary>
internal static class ResponseMessage
{
    /// <summary>Length in bytes.</summary>
    public const int Size = 92;

    /// <summary>Where the sender's index stands.</summary>
    public const int Sender = 4;

    /// <summary>Where the index of the initiation stands that this answers.</summary>
    public const int Receiver = 8;

    /// <summary>Where Noise's second message begins: ephemeral key, nothing.</summary>
    public const int Noise = 12;

    /// <summary>Where mac1 stands, and mac2 behind it.</summary>
    public const int Mac1 = 60;
}

/// <summary>
/// The answer of a host under load to a message whose mac1 is right and whose mac2 is not, 64 bytes. Numbers are
/// little-endian.
/// <code>
///    0      4          8                     32                           64
///    +------+----------+---------------------+----------------------------+
///    | 3    | receiver | nonce               | cookie, sealed             |
///    | u32  | u32      | 24                  | 16 + tag 16                |
///    +------+----------+---------------------+----------------------------+
/// </code>
/// The cookie is sealed by XChaCha20-Poly1305 with a key that follows from the public key of the sender; the tag
/// vouches for mac1 of the message that this answers, too.
/// </summary>
internal static class CookieMessage
{
    /// <summary>Length in bytes.</summary>
    public const int Size = 64;

    /// <summary>Where the index stands that the other message named as its sender's.</summary>
    public const int Receiver = 4;

    /// <summary>Where the nonce stands.</summary>
    public const int Nonce = 8;

    /// <summary>Where the sealed cookie stands.</summary>
    public const int Cookie = 32;
}

/// <summary>
/// A packet, sealed; 32 bytes and more. Numbers are little-endian.
/// <code>
///    0      4          8          16                                n - 16      n
///    +------+----------+----------+---------------------------------+-----------+
///    | 4    | receiver | counter  | packet and zeros, sealed        | tag       |
///    | u32  | u32      | u64      | n - 32                          | 16        |
///    +------+----------+----------+---------------------------------+-----------+
/// </code>
/// The zeros fill up to a multiple of 16 bytes, but never beyond the MTU. A message without a packet is a keepalive.
/// </summary>
internal static class TransportMessage
{
    /// <summary>Bytes in front of the packet.</summary>
    public const int HeaderSize = 16;

    /// <summary>Bytes in front of a packet and behind it and its padding.</summary>
    public const int Overhead = 32;

    /// <summary>Where the index of the receiver's session stands.</summary>
    public const int Receiver = 4;

    /// <summary>Where the counter stands.</summary>
    public const int Counter = 8;

    /// <summary>The index of the receiver's session.</summary>
    /// <param name="message">At least 16 bytes.</param>
    public static unsafe uint ReceiverOf(byte* message) =>
        BinaryPrimitives.ReadUInt32LittleEndian(new ReadOnlySpan<byte>(message + Receiver, sizeof(uint)));

    /// <summary>The counter.</summary>
    /// <param name="message">At least 16 bytes.</param>
    public static unsafe ulong CounterOf(byte* message) =>
        BinaryPrimitives.ReadUInt64LittleEndian(new ReadOnlySpan<byte>(message + Counter, sizeof(ulong)));

    /// <summary>Writes what stands in front of the packet.</summary>
    public static unsafe void WriteHeader(byte* message, uint receiver, ulong counter)
    {
        var header = new Span<byte>(message, HeaderSize);
        BinaryPrimitives.WriteUInt32LittleEndian(header, (uint)MessageType.Transport);
        BinaryPrimitives.WriteUInt32LittleEndian(header[Receiver..], receiver);
        BinaryPrimitives.WriteUInt64LittleEndian(header[Counter..], counter);
    }

    /// <summary>Length of a packet with its padding.</summary>
    /// <param name="length">Of the packet.</param>
    /// <param name="mtu">Of the tunnel; a longer packet, of before it was lowered, gets no padding.</param>
    public static int PaddedLength(int length, int mtu) =>
        Math.Min(Math.Max(length, mtu), (length + Protocol.PaddingMultiple - 1) & -Protocol.PaddingMultiple);
}
