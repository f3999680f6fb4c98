// SPDX-License-Identifier: BSD-3-Clause

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
    public static Denial Read(ReadOnlySpan<byte> payload) =>
        payload.IsEmpty
            ? new Denial(DenialCode.Denied, "")
            : new Denial(
                (DenialCode)payload[0],
                Config.Excerpt.Escape(Encoding.UTF8.GetString(payload[1..]), MaxShown)
            );

    /// <summary>Makes the payload.</summary>
    public byte[] Write()
    {
        var text = Encoding.UTF8.GetBytes(Text);
        return [(byte)Code, .. text.AsSpan(0, Math.Min(text.Length, TlsCodec.MaxControl - 1))];
    }
}

/// <summary>
/// Why a receiver sends a sender away. Values are those of the tls protocol; an unknown one is like <see cref="Busy"/>.
/// </summary>
internal enum DenialCode : byte
{
    /// <summary>A person said no.</summary>
    Denied = 1,

    /// <summary>A person took an approval back.</summary>
    Revoked = 2,

    /// <summary>Nobody decided in time.</summary>
    TimedOut = 3,

    /// <summary>Too many wait.</summary>
    Busy = 4,

    /// <summary>The same key connected again.</summary>
    Replaced = 5,

    /// <summary>The sender broke the protocol.</summary>
    ProtocolError = 6,

    /// <summary>Nothing that the sender serves is something that the receiver listens for.</summary>
    NoService = 7,
}

/// <summary>
/// Why a sender waits: the first byte of a waiting frame's payload. Values are those of the tls protocol; an unknown
/// one is like <see cref="Decision"/>, and bytes behind it are for later versions and ignored.
/// </summary>
internal enum WaitingReason : byte
{
    None = 0,

    /// <summary>A person has to decide.</summary>
    Decision = 1,

    /// <summary>Another sender is let in; a person can decide only when that one is gone.</summary>
    Taken = 2,
}
