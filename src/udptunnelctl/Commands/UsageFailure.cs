using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using UdpTunnel.Cli.Failures;

namespace UdpTunnel.Cli.Commands;

/// <summary>A command line that says nothing that can be done.</summary>
internal static class UsageFailure
{
    /// <summary>The first mistake, and where to read on; null if there is none, or help or the version were asked for.</summary>
    public static CommandException? Of(ParseResult parsed, RootCommand root)
    {
        var command = parsed.CommandResult.Command;
        var help = $"{HelpCommandAction.Path(parsed.CommandResult)} --help";
        if (parsed.Action is not (null or ParseErrorAction) && command is not ControlCommand)
        {
            return null;
        }

        if (parsed.Action is HelpCommandAction)
        {
            return null;
        }

        if (UnknownOption(parsed) is { } option)
        {
            var known = command.Options.Concat(root.Options).SelectMany(o => o.Aliases.Append(o.Name));
            return Usage($"'{option}' is not an option of this command", Suggestion(option, known) + $"See '{help}'.");
        }

        if (command.Subcommands.Count > 0 && parsed.UnmatchedTokens.Count > 0)
        {
            var word = parsed.UnmatchedTokens[0];
            return Usage(
                $"'{word}' is not a command",
                Suggestion(word, command.Subcommands.Select(c => c.Name)) + $"'{help}' lists the commands.");
        }

        if (parsed.Errors.Count == 0)
        {
            return null;
        }

        return command.Subcommands.Count > 0 && parsed.Errors.All(e => e.SymbolResult is CommandResult)
            ? Usage("say what to do", $"'{help}' lists the commands.")
            : Usage(parsed.Errors[0].Message.TrimEnd('.'), $"See '{help}'.");
    }

    /// <summary>A usage mistake that only a command itself can see.</summary>
    public static CommandException Usage(string message, string advice) =>
        new(ExitCode.Usage, "usage", message) { Advice = advice };

    private static string Suggestion(string word, IEnumerable<string> known) =>
        NearestName.Of(word, known) is { } nearest ? $"Did you mean '{nearest}'? " : "";

    /// <summary>
    /// A word that looks like an option and is none. The parser takes such a word for an argument, so that a mistyped option would
    /// become the name of a tunnel. What stands behind <c>--</c> is an argument, whatever it looks like.
    /// </summary>
    private static string? UnknownOption(ParseResult parsed)
    {
        var literal = new HashSet<Token>(ReferenceEqualityComparer.Instance);
        var behind = false;
        foreach (var token in parsed.Tokens)
        {
            behind |= token.Type == TokenType.DoubleDash;
            if (behind)
            {
                literal.Add(token);
            }
        }

        var words = parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(a => a.Tokens)
            .Where(t => !literal.Contains(t))
            .Select(t => t.Value)
            .Concat(behind ? [] : parsed.UnmatchedTokens);
        return words.FirstOrDefault(w => w.Length > 1 && w[0] == '-');
    }
}
