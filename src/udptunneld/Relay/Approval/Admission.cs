namespace UdpTunnel.Relay.Approval;

/// <summary>What becomes of a sender that connects.</summary>
internal enum Admission
{
    /// <summary>Its key is remembered: datagrams flow.</summary>
    LetIn,

    /// <summary>A person decides.</summary>
    Waits,

    /// <summary>Too many wait already.</summary>
    Refused,

    /// <summary>
    /// Another sender with the same key took its place before and is connected: they must not push each other out in
    /// turns.
    /// </summary>
    Duplicate,
}
