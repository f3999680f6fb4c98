using System.CommandLine;

namespace UdpTunnel.Cli.Commands.Relays;

/// <summary>The sender that a decision is about.</summary>
internal static class SenderArgument
{
    /// <summary>An argument of its own for each command: the library lets none be shared.</summary>
    public static Argument<string> Create() => new("SENDER")
    {
        Description = "Its fingerprint, the first characters of it that no other has, or its address as 'senders' shows it",
    };
}
