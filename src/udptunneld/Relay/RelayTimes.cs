namespace UdpTunnel.Relay;

/// <summary>
/// Times that both ends of a relay have in common, so that neither takes a quiet peer for a dead one. In milliseconds.
/// </summary>
internal static class RelayTimes
{
    /// <summary>After so much silence the peer is asked for a sign of life.</summary>
    public const long Ping = 5_000;

    /// <summary>After so much silence it is dead: two pings without an answer, and it is noticed within 15 s.</summary>
    public const long Dead = 12_000;

    /// <summary>How long a handshake may take.</summary>
    public const long Handshake = 10_000;

    /// <summary>How long a client of TLS may take to say its first word, which it says at once.</summary>
    public const long FirstByte = 5_000;

    /// <summary>How long a peer that was sent away may take to leave.</summary>
    public const long Leave = 2_000;

    /// <summary>
    /// The same where the last word is encrypted and its end is known: revoking ends a connection within a second.
    /// </summary>
    public const long LeaveTls = 500;

    /// <summary>The clock of all of these.</summary>
    public static long Now => Environment.TickCount64;
}
