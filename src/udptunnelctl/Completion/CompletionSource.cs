namespace UdpTunnel.Cli.Completion;

/// <summary>What may stand in a place of the command line.</summary>
internal enum CompletionSource
{
    /// <summary>Something that only the user knows.</summary>
    Nothing,

    /// <summary>A path, which the shell completes.</summary>
    Files,

    /// <summary>A tunnel that the daemon knows.</summary>
    Tunnels,

    /// <summary>A relay that the daemon knows.</summary>
    Relays,

    /// <summary>Either.</summary>
    TunnelsAndRelays,

    /// <summary>A sender that waits for approval.</summary>
    PendingSenders,

    /// <summary>A sender that is approved, connected or not.</summary>
    ApprovedSenders,

    /// <summary><c>allow</c> or <c>deny</c>.</summary>
    PortChanges,

    /// <summary>A shell whose completion we have.</summary>
    Shells,
}
