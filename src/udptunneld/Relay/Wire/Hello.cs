// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Relay.Wire;

/// <summary>
/// Payload of the first frame of each side. Its version is that of the application protocol that TLS has negotiated
/// (ALPN). Bytes behind these are an <see cref="Introduction"/> in a sender's hello of version 2; else they are for
/// later versions and ignored.
/// <code>
///   0         8        16         24
///  +---------+--------+----------+------
///  | version | role   | last type| ...    role: 1 receiver, 2 sender; last type: the highest frame type that this
///  +---------+--------+----------+------  side knows, 7 if it is not there
/// </code>
/// </summary>
internal static class Hello
{
    /// <summary>Bytes that every hello has: those in front of the last type.</summary>
    public const int Length = 2;

    /// <summary>The newest version.</summary>
    public const byte Newest = 2;

    // Of ends whose hello does not say it.
    private const FrameType FirstLastType = FrameType.Pong;
    private const int IntroductionAt = 3;

    private const byte Receiver = 1;
    private const byte Sender = 2;

    /// <summary>The payload that a receiver sends.</summary>
    public static byte[] OfReceiver(int version) => [(byte)version, Receiver, LastType(version)];

    /// <summary>The payload that a sender sends.</summary>
    public static byte[] OfSender(int version, Introduction self) =>
        version == 1 ? [1, Sender, LastType(1)] : [(byte)version, Sender, LastType(version), .. self.Write()];

    /// <summary>Whether the other side knows a type of frame.</summary>
    public static bool Knows(ReadOnlySpan<byte> payload, FrameType type) =>
        type <= (payload.Length > Length ? (FrameType)payload[Length] : FirstLastType);

    /// <summary>The words of a sender of itself.</summary>
    /// <returns>Null if its hello is malformed.</returns>
    public static Introduction? ReadIntroduction(ReadOnlySpan<byte> payload, int version) =>
        version == 1 ? Introduction.None
        : payload.Length < IntroductionAt ? null
        : Introduction.Read(payload[IntroductionAt..]);

    /// <summary>Checks the other side's payload.</summary>
    /// <returns>What is wrong, for a person; or null.</returns>
    public static string? Problem(ReadOnlySpan<byte> payload, bool fromReceiver, int version)
    {
        if (payload.Length < Length || payload[0] != version)
        {
            return $"the other end speaks version {(payload.IsEmpty ? 0 : payload[0])} of the protocol, and this one "
                + $"{version}: update the older";
        }

        return payload[1] == (fromReceiver ? Receiver : Sender) ? null : "both ends have the same role";
    }

    private static byte LastType(int version) => (byte)(version == 1 ? FrameType.Waiting : FrameType.Services);
}
