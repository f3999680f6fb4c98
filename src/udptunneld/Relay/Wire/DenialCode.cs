namespace UdpTunnel.Relay.Wire;

/// <summary>Why a receiver sends a sender away. Values are those of the tls protocol; an unknown one is like <see cref="Busy"/>.</summary>
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
