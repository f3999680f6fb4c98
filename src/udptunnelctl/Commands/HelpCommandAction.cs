using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using UdpTunnel.Cli.Output;

namespace UdpTunnel.Cli.Commands;

/// <summary>What <c>--help</c> does.</summary>
internal sealed class HelpCommandAction : SynchronousCommandLineAction
{
    private static readonly string[] OfRoot =
    [
        "udptunnelctl check home.json && udptunnelctl up home.json",
        "udptunnelctl status",
        "udptunnelctl relay receiver --udp :53 --tcp :5353",
    ];

    /// <inheritdoc/>
    public override bool Terminating => true;

    /// <inheritdoc/>
    public override bool ClearsParseErrors => true;

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        var result = parseResult.CommandResult;
        var root = parseResult.RootCommandResult.Command;
        var screen = new Screen(colour: false);
        HelpView.Render(
            screen,
            Path(result),
            result.Command,
            result.Command == root ? [] : root.Options.Where(o => o.Recursive),
            (result.Command as IHasExamples)?.Examples ?? OfRoot);
        if (result.Command == root)
        {
            screen.Line();
            screen.Line("Exit codes:");
            screen.Line("  0 done, 1 failed, 2 wrong usage or invalid configuration,");
            screen.Line("  3 daemon unreachable, 4 not permitted, 5 no such thing, 6 timed out");
        }

        parseResult.InvocationConfiguration.Output.Write(screen.ToString());
        return (int)ExitCode.Done;
    }

    /// <summary><c>udptunnelctl relay sender</c></summary>
    public static string Path(CommandResult result) =>
        result.Parent is CommandResult parent ? $"{Path(parent)} {result.Command.Name}" : "udptunnelctl";
}
