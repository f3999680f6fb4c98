// SPDX-License-Identifier: BSD-3-Clause

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

    /// <summary>A sender or peer that waits for approval.</summary>
    Pending,

    /// <summary>A sender that is approved, connected or not, or a peer.</summary>
    Approved,

    /// <summary><c>allow</c> or <c>deny</c>.</summary>
    PortChanges,

    /// <summary>A shell whose completion we have.</summary>
    Shells,

    /// <summary>A command, word by word.</summary>
    Commands,
}

/// <summary>Completes an argument.</summary>
/// <param name="source">What may stand there.</param>
[AttributeUsage(AttributeTargets.Parameter | AttributeTargets.Property)]
internal sealed class CompletedFromAttribute(CompletionSource source) : Attribute
{
    /// <summary>What may stand there.</summary>
    public CompletionSource Source { get; } = source;

    /// <summary>
    /// What may stand in place of an argument of a command; <see cref="CompletionSource.Nothing"/> if nobody said.
    /// </summary>
    /// <param name="command">The command.</param>
    /// <param name="place">The place, counted from 0.</param>
    public static CompletionSource Of(CommandNode command, int place)
    {
        var arguments = command.Arguments;
        var argument = place < arguments.Count ? arguments[place] : arguments.LastOrDefault(a => a.TakesMany);
        return argument?.Attributes.OfType<CompletedFromAttribute>().FirstOrDefault()?.Source
            ?? CompletionSource.Nothing;
    }
}
