using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace UdpTunnel.Cli.Commands;

/// <summary>The library's help, on 80 columns, with examples at the end.</summary>
/// <param name="help">The library's.</param>
internal sealed class HelpWithExamples(HelpAction help) : SynchronousCommandLineAction
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
        help.MaxWidth = Output.Screen.Width;
        help.Invoke(parseResult);
        var output = parseResult.InvocationConfiguration.Output;
        var command = parseResult.CommandResult.Command as IHasExamples;
        output.WriteLine("Examples:");
        foreach (var example in command?.Examples ?? OfRoot)
        {
            output.WriteLine($"  {example}");
        }

        output.WriteLine();
        if (command is null)
        {
            output.WriteLine("Exit codes:");
            output.WriteLine("  0 done, 1 failed, 2 wrong usage or invalid configuration,");
            output.WriteLine("  3 daemon unreachable, 4 not permitted, 5 no such thing, 6 timed out");
            output.WriteLine();
        }

        return (int)ExitCode.Done;
    }
}
