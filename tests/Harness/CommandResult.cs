// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Harness;

/// <summary>What a program said until it ended.</summary>
internal sealed record CommandResult(string CommandLine, int ExitCode, string Output, string Error)
{
    /// <summary>This, if the program ended with 0.</summary>
    /// <exception cref="InvalidOperationException">It did not.</exception>
    public CommandResult RequireSuccess() => ExitCode == 0 ? this : throw new InvalidOperationException(ToString());

    /// <inheritdoc/>
    public override string ToString() => $"`{CommandLine}` ended with {ExitCode}\n{Output}{Error}";
}
