// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Failures;

namespace UdpTunnel.Cli.Commands;

/// <summary>A command line that says nothing that can be done.</summary>
internal static class UsageFailure
{
    /// <summary>Ends the command with <see cref="ExitCode.Usage"/>.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="advice">What is right, or where it stands.</param>
    public static CommandException Usage(string message, string advice) =>
        new(ExitCode.Usage, "usage", message) { Advice = advice };
}
