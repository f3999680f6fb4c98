namespace UdpTunnel.Relay.Wire;

/// <summary>
/// Why a sender waits: the first byte of a waiting frame's payload. Values are those of the tls protocol; an unknown one is like <see cref="Decision"/>,
/// and bytes behind it are for later versions and ignored.
/// </summary>
internal enum WaitingReason : byte
{
    None = 0,

    /// <summary>A person has to decide.</summary>
    Decision = 1,

    /// <summary>Another sender is let in; a person can decide only when that one is gone.</summary>
    Taken = 2,
}
