// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.V1;

namespace UdpTunnel.Cli.Failures;

/// <summary>A command cannot go on. Carries everything that the user is told, and the exit code.</summary>
/// <param name="exitCode">What the process ends with.</param>
/// <param name="reason">Stable, lower-case with underscores, for programs: <c>no_such_tunnel</c>.</param>
/// <param name="message">One sentence: what is wrong.</param>
internal sealed class CommandException(ExitCode exitCode, string reason, string message) : Exception(message)
{
    /// <summary>What the process ends with.</summary>
    public ExitCode ExitCode { get; } = exitCode;

    /// <summary>Stable, for programs.</summary>
    public string Reason { get; } = reason;

    /// <summary>What to do about it; null if there is nothing to suggest.</summary>
    public string? Advice { get; init; }

    /// <summary>The command's own JSON object says it already, so that no second one follows.</summary>
    public bool IsInOutput { get; init; }

    /// <summary>The mistakes of a configuration; empty for other failures.</summary>
    public IReadOnlyList<Diagnostic> Diagnostics { get; init; } = [];

    /// <summary>The file that the diagnostics are about, as the user named it.</summary>
    public string FileName { get; init; } = "";
}
