// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using UdpTunnel.Cli.Failures;

namespace UdpTunnel.Cli.Daemon;

/// <summary>Turns what ssh(1) ended with before the daemon answered into what the user is told.</summary>
internal static class SshFailure
{
    /// <summary>What ssh ends with when it fails itself; else it is what the command there ended with.</summary>
    private const int SshFailed = 255;

    /// <summary>A shell found no such program.</summary>
    private const int NotFound = 127;

    private const string OwnPrefix = "udptunnelctl: ";

    /// <summary>The sentence, advice and exit code.</summary>
    /// <param name="host">Where.</param>
    /// <param name="exitCode">Of ssh.</param>
    /// <param name="complaint">What ssh and the other host wrote to standard error.</param>
    public static CommandException Translate(SshHost host, int exitCode, string complaint)
    {
        var lines = complaint.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var own = Array.FindIndex(lines, l => l.StartsWith(OwnPrefix, StringComparison.Ordinal));
        if (own >= 0 && Enum.IsDefined((ExitCode)exitCode) && exitCode != (int)ExitCode.Done)
        {
            // Our own command at the other end, which says what is wrong there and what mends it there.
            return new CommandException(
                (ExitCode)exitCode,
                "remote_failed",
                $"{host}: {lines[own][OwnPrefix.Length..]}"
            )
            {
                Advice = own + 1 < lines.Length ? $"There: {string.Join(' ', lines[(own + 1)..])}" : null,
            };
        }

        return exitCode switch
        {
            SshFailed => new CommandException(
                ExitCode.Unreachable,
                "ssh_failed",
                $"cannot reach {host}: {lines.LastOrDefault() ?? "ssh says no more"}"
            )
            {
                Advice = lines.Length > 1 ? $"ssh says: {string.Join(' ', lines[..^1])}" : null,
            },
            NotFound => new CommandException(
                ExitCode.Unreachable,
                "no_program",
                $"{host}: {lines.LastOrDefault() ?? "a program was not found"}"
            )
            {
                Advice =
                    "ssh has to be installed here and udptunnelctl there, where a command without a login "
                    + "finds it (PATH).",
            },
            _ => new CommandException(
                ExitCode.Unreachable,
                "no_answer",
                $"{host}: what answers there is no udptunneld" + (lines.Length > 0 ? $": {lines[^1]}" : "")
            )
            {
                Advice = string.Create(
                    CultureInfo.InvariantCulture,
                    $"ssh ended with {exitCode}. The shell there must write nothing of its own: see 'ssh HOST true'."
                ),
            },
        };
    }
}
