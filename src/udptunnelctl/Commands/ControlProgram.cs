// SPDX-License-Identifier: BSD-3-Clause

using System.Reflection;
using Grpc.Core;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Failures;

namespace UdpTunnel.Cli.Commands;

/// <summary>
/// The program: finds the command, runs it, and ends with an exit code. Each failure is told in the same way.
/// </summary>
internal static class ControlProgram
{
    /// <summary>errno of a pipe whose reader has gone, which .NET passes on as the HResult of an IOException.</summary>
    private const int BrokenPipe = 32;

    /// <summary>Reads command lines.</summary>
    public static readonly CommandLineReader Reader = new(
        CommandTree.Root,
        GlobalOptions.Socket,
        GlobalOptions.Host,
        GlobalOptions.Json
    );

    /// <summary>Semantic version of this program, whatever program it runs in.</summary>
    public static string Version =>
        typeof(ControlProgram)
            .Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()
            ?.InformationalVersion
        ?? "unknown";

    /// <summary>Does what the arguments say. Throws nothing that the user should read.</summary>
    /// <returns>The <see cref="ExitCode"/> as a number.</returns>
    public static async Task<int> RunAsync(string[] args, CommandHost host)
    {
        if (args.Length == 0)
        {
            return (int)NothingAsked(host);
        }

        var request = Reader.Read(args);
        using var invocation = new Invocation(host, request);
        try
        {
            await DoAsync(args, invocation, request).ConfigureAwait(false);

            // The commands end themselves on signals where it matters; elsewhere the default, to die at once, is right.
            await host.Output.FlushAsync(invocation.Cancellation).ConfigureAwait(false);
        }
        catch (IOException e) when (e.HResult == BrokenPipe)
        {
            // The reader has what it wanted, as in 'stats --watch | head'.
        }
        catch (Exception e)
            when (e is CommandException or RpcException || (e is IOException output && SystemError.HasErrno(output)))
        {
            await invocation.FailAsync(e).ConfigureAwait(false);
        }

        return (int)invocation.Outcome;
    }

    /// <summary>Writes the help of a command or a group.</summary>
    public static void PrintHelp(CommandHost host, CommandNode node, string path)
    {
        var screen = new Screen(colour: false);
        HelpPage.Render(screen, path, node, Reader.OptionsOf(node));
        if (node == CommandTree.Root)
        {
            screen.Line();
            screen.Line("Exit codes:");
            screen.Line("  0 done, 1 failed, 2 wrong usage or invalid configuration,");
            screen.Line("  3 daemon unreachable, 4 not permitted, 5 no such thing, 6 timed out");
        }

        host.Output.Write(screen.ToString());
    }

    private static async Task DoAsync(string[] args, Invocation invocation, Request request)
    {
        var host = invocation.Host;
        if (args is [Completer.Verb, .. var words])
        {
            await new Completer(host).RunAsync(words).ConfigureAwait(false);
        }
        else if (request.IsSet(CommandLineReader.Help) && !request.IsUnknown)
        {
            PrintHelp(host, request.Node, request.Path);
        }
        else if (request.IsSet(CommandLineReader.Version))
        {
            host.Output.Write($"udptunnelctl {Version}\n");
        }
        else if (request.Mistake is { } mistake)
        {
            throw UsageFailure.Usage(mistake.Message, mistake.Advice);
        }
        else
        {
            await request.RunAsync(invocation).ConfigureAwait(false);
        }
    }

    /// <summary>Most likely somebody who wants to know what there is.</summary>
    private static ExitCode NothingAsked(CommandHost host)
    {
        var screen = new Screen(colour: false);
        screen.Line("udptunnelctl: say what to do");
        HelpPage.RenderCommands(screen, CommandTree.Root);
        screen.Line();
        screen.Line("'udptunnelctl COMMAND --help' tells more, with examples.");
        try
        {
            host.Error.Write(screen.ToString());
        }
        catch (IOException)
        {
            // The exit code still says it.
        }

        return ExitCode.Usage;
    }
}
