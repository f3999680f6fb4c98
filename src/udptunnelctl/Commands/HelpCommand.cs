// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using UdpTunnel.Cli.Completion;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>help</c>: the same as <c>--help</c> behind a command, for people who write it in front.</summary>
internal sealed class HelpCommand(Invocation invocation)
{
    [Command(Description = "Show the help of a command, or of all.")]
    [Example("udptunnelctl help")]
    [Example("udptunnelctl help relay sender")]
    public Task RunAsync(
        [Argument("COMMAND", Description = "The words that name it"), CompletedFrom(CompletionSource.Commands)]
            string[]? words
    )
    {
        if (ControlProgram.Reader.Locate(words ?? [], out var node, out var path) is { } mistake)
        {
            throw UsageFailure.Usage(mistake.Message, mistake.Advice);
        }

        ControlProgram.PrintHelp(invocation.Host, node, path);
        return Task.CompletedTask;
    }
}
