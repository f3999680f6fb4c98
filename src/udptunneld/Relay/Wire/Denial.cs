using System.Text;

namespace UdpTunnel.Relay.Wire;

/// <summary>
/// Payload of a denied frame.
/// <code>
///   0      8
///  +------+---------------------------
///  | code | text in UTF-8, for a person
///  +------+---------------------------
/// </code>
/// </summary>
/// <param name="Code">Why.</param>
/// <param name="Text">Why, for a person; what a peer sent is escaped and short.</param>
internal sealed record Denial(DenialCode Code, string Text)
{
    private const int MaxShown = 400;

    /// <summary>Whether a person decided so, so that asking again soon is of no use.</summary>
    public bool IsFinal => Code is DenialCode.Denied or DenialCode.Revoked or DenialCode.Replaced;

    /// <summary>Reads a payload.</summary>
    public static Denial Read(ReadOnlySpan<byte> payload) => payload.IsEmpty
        ? new Denial(DenialCode.Denied, "")
        : new Denial((DenialCode)payload[0], Config.Excerpt.Escape(Encoding.UTF8.GetString(payload[1..]), MaxShown));

    /// <summary>Makes the payload.</summary>
    public byte[] Write()
    {
        var text = Encoding.UTF8.GetBytes(Text);
        return [(byte)Code, .. text.AsSpan(0, Math.Min(text.Length, TlsCodec.MaxControl - 1))];
    }
}
