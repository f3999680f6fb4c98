using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Reflection;
using UdpTunnel.Cli.Commands.Relays;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Failures;
using UdpTunnel.Cli.Output;

namespace UdpTunnel.Cli.Commands;

/// <summary>The command line as a whole.</summary>
internal static class CommandLine
{
    /// <summary>Semantic version of this program.</summary>
    public static string Version =>
        typeof(CommandLine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    /// <summary>Parses the arguments and does what they say. Throws nothing that the user should read.</summary>
    /// <returns>The <see cref="ExitCode"/> as a number.</returns>
    public static async Task<int> RunAsync(string[] args, CommandHost host)
    {
        var global = new GlobalOptions();
        var root = Create(host, global);
        if (args is [Completer.Verb, .. var words])
        {
            await new Completer(host, root, global).RunAsync(words).ConfigureAwait(false);
            return (int)ExitCode.Done;
        }

        if (args.Length == 0)
        {
            return NothingAsked(host, root);
        }

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

    /// <summary>Most likely somebody who wants to know what there is.</summary>
    private static int NothingAsked(CommandHost host, RootCommand root)
    {
        var screen = new Screen(colour: false);
        screen.Line("udptunnelctl: say what to do");
        HelpView.RenderCommands(screen, root);
        screen.Line();
        screen.Line("'udptunnelctl COMMAND --help' tells more, with examples.");
        host.Error.Write(screen.ToString());
        host.Error.Flush();
        return (int)ExitCode.Usage;
    }

    /// <summary>All commands.</summary>
    public static RootCommand Create(CommandHost host, GlobalOptions global)
    {
        var root = new RootCommand("Controls udptunneld, which makes private IP links over UDP and publishes UDP services through TCP.")
        {
            new UpCommand(host, global),
            new DownCommand(host, global),
            new ReloadCommand(host, global),
            new CheckCommand(host, global),
            new StatusCommand(host, global),
            new StatsCommand(host, global),
            new TopCommand(host, global),
            new EventsCommand(host, global),
            new PortsCommand(host, global),
            new RelayCommand(host, global),
            new SendersCommand(host, global),
            new ApproveCommand(host, global),
            new DenyCommand(host, global),
            new RevokeCommand(host, global),
            new DoctorCommand(host, global),
            new WhoAmICommand(host, global),
            new VersionCommand(host, global),
            new CompletionCommand(host, global),
        };
        root.Options.Add(global.Socket);
        root.Options.Add(global.Json);
        foreach (var option in root.Options)
        {
            if (option is HelpOption)
            {
                option.Action = new HelpCommandAction();
                option.Description = "Show this help";
            }
            else if (option is VersionOption)
            {
                option.Action = new VersionAction();
                option.Description = "Show the version of this program";
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
