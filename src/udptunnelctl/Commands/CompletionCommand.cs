using System.CommandLine;
using UdpTunnel.Cli.Completion;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>completion</c>: the script that teaches a shell what can be typed.</summary>
internal sealed class CompletionCommand : ControlCommand
{
    private readonly Argument<string> _shell = new("bash|zsh|fish") { Description = "The shell" };

    /// <summary>Declares the command.</summary>
    public CompletionCommand(CommandHost host, GlobalOptions global)
        : base(
            host,
            global,
            "completion",
            "Write the completion script of a shell: commands, options, and the names of tunnels, relays and senders as they are then.") =>
        Add(_shell);

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples { get; } =
    [
        "udptunnelctl completion bash > ~/.local/share/bash-completion/completions/udptunnelctl",
        "source <(udptunnelctl completion zsh)",
        "udptunnelctl completion fish | source",
    ];

    /// <inheritdoc/>
    public override CompletionSource CompletionOf(int argument) => argument == 0 ? CompletionSource.Shells : CompletionSource.Nothing;

    /// <inheritdoc/>
    protected override Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var shell = invocation.Get(_shell)!;
        var script = CompletionScript.Of(shell)
            ?? throw UsageFailure.Usage($"there is no completion for '{shell}'", "There is one for bash, zsh and fish.");
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
