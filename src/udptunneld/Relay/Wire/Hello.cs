namespace UdpTunnel.Relay.Wire;

/// <summary>
/// Payload of the first frame of each side. Bytes behind these are for later versions and ignored.
/// <code>
///   0         8        16         24
///  +---------+--------+----------+
///  | version | role   | last type|     role: 1 receiver, 2 sender; last type: the highest frame type that this side knows, 7 if it is not there
///  +---------+--------+----------+
/// </code>
/// </summary>
internal static class Hello
{
    /// <summary>Bytes that every hello has: those in front of the last type.</summary>
    public const int Length = 2;

    /// <summary>The only version.</summary>
    public const byte Version = 1;

    // Of ends whose hello does not say it.
    private const FrameType FirstLastType = FrameType.Pong;

    private const byte Receiver = 1;
    private const byte Sender = 2;

    /// <summary>The payload that a side sends.</summary>
    public static byte[] Of(bool isReceiver) => [Version, isReceiver ? Receiver : Sender, (byte)FrameType.Waiting];

    /// <summary>Whether the other side knows a type of frame.</summary>
    public static bool Knows(ReadOnlySpan<byte> payload, FrameType type) => type <= (payload.Length > Length ? (FrameType)payload[Length] : FirstLastType);

    /// <summary>Checks the other side's payload.</summary>
    /// <returns>What is wrong, for a person; or null.</returns>
    public static string? Problem(ReadOnlySpan<byte> payload, bool fromReceiver)
    {
        if (payload.Length < Length || payload[0] != Version)
        {
            return $"the other end speaks version {(payload.IsEmpty ? 0 : payload[0])} of the protocol, and this one {Version}: update the older";
        }

        return payload[1] == (fromReceiver ? Receiver : Sender) ? null : "both ends have the same role";
    }
}
