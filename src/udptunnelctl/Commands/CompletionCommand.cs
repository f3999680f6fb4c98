// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using UdpTunnel.Cli.Completion;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>completion</c>: the script that teaches a shell what can be typed.</summary>
internal sealed class CompletionCommand(Invocation invocation)
{
    [Command(
        Description = "Write the completion script of a shell: commands, options, and the names of tunnels, relays and "
            + "senders as they are then."
    )]
    [Example("udptunnelctl completion bash > ~/.local/share/bash-completion/completions/udptunnelctl")]
    [Example("source <(udptunnelctl completion zsh)")]
    [Example("udptunnelctl completion fish | source")]
    public Task RunAsync(
        [Argument("bash|zsh|fish", Description = "The shell"), CompletedFrom(CompletionSource.Shells)] string shell
    )
    {
        var script = CompletionScript.Of(shell)
            ?? throw UsageFailure.Usage(
                $"there is no completion for '{shell}'",
                "There is one for bash, zsh and fish."
            );
        if (invocation.Json)
        {
            invocation.PrintJson(writer =>
            {
                writer.WriteString("shell", shell);
                writer.WriteString("script", script);
            });
        }
        else
        {
            invocation.Host.Output.Write(script);
        }

        return Task.CompletedTask;
    }
}
