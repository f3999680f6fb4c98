using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Reflection;
using UdpTunnel.Cli.Commands.Relays;
using UdpTunnel.Cli.Failures;

namespace UdpTunnel.Cli.Commands;

/// <summary>The command line as a whole.</summary>
internal static class CommandLine
{
    /// <summary>Semantic version of this program.</summary>
    public static string Version { get; } =
        typeof(CommandLine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    /// <summary>Parses the arguments and does what they say. Throws nothing that the user should read.</summary>
    /// <returns>The <see cref="ExitCode"/> as a number.</returns>
    public static async Task<int> RunAsync(string[] args, CommandHost host)
    {
        var global = new GlobalOptions();
        var root = Create(host, global);

        // Without a replacer, an argument such as @name stays what it is and opens no file.
        var parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (UsageFailure.Of(parsed, root) is { } failure)
        {
            FailureReport.Write(host, failure, parsed.GetResult(global.Json) is { Implicit: false });
            return (int)failure.ExitCode;
        }

        // The commands end themselves on signals where it matters; elsewhere the default, to die at once, is right.
        var exitCode = await parsed.InvokeAsync(new InvocationConfiguration
        {
            Output = host.Output,
            Error = host.Error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
        }).ConfigureAwait(false);
        await host.Output.FlushAsync().ConfigureAwait(false);
        return exitCode;
    }

    private static RootCommand Create(CommandHost host, GlobalOptions global)
    {
        var root = new RootCommand("Controls udptunneld, which makes private IP links over UDP and publishes UDP services through TCP.")
        {
            new UpCommand(host, global),
            new DownCommand(host, global),
            new ReloadCommand(host, global),
            new CheckCommand(host, global),
            new StatusCommand(host, global),
            new StatsCommand(host, global),
            new EventsCommand(host, global),
            new PortsCommand(host, global),
            new RelayCommand(host, global),
            new SendersCommand(host, global),
            new ApproveCommand(host, global),
            new DenyCommand(host, global),
            new RevokeCommand(host, global),
            new WhoAmICommand(host, global),
            new VersionCommand(host, global),
        };
        root.Options.Add(global.Socket);
        root.Options.Add(global.Json);
        foreach (var option in root.Options)
        {
            if (option is HelpOption { Action: HelpAction help })
            {
                option.Action = new HelpWithExamples(help);
            }
            else if (option is VersionOption)
            {
                option.Action = new VersionAction();
            }
        }

        return root;
    }

    /// <summary>The version of this program, whatever program it runs in.</summary>
    private sealed class VersionAction : SynchronousCommandLineAction
    {
        public override bool Terminating => true;

        public override int Invoke(ParseResult parseResult)
        {
            parseResult.InvocationConfiguration.Output.WriteLine($"udptunnelctl {Version}");
            return (int)ExitCode.Done;
        }
    }
}
