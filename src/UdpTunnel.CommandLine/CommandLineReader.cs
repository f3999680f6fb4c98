// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.CommandLine;

/// <summary>Reads the words after a program's name.</summary>
/// <param name="root">All commands, or the one that the program consists of.</param>
/// <param name="everywhere">The options that every command has, before its name or behind it.</param>
public sealed class CommandLineReader(CommandNode root, params IReadOnlyList<OptionInfo> everywhere)
{
    /// <summary>Asks for help, at any place, whatever else is on the line.</summary>
    public static readonly OptionInfo Help = OptionInfo.Flag("help", "Show this help", 'h', '?');

    /// <summary>Asks for the program's version, where no command is named.</summary>
    public static readonly OptionInfo Version = OptionInfo.Flag("version", "Show the version of this program");

    /// <summary>All commands, or the one that the program consists of.</summary>
    public CommandNode Root { get; } = root;

    /// <summary>The options that a command has, its own first.</summary>
    public IReadOnlyList<OptionInfo> OptionsOf(CommandNode node) =>
        [.. node.Options, Help, .. node == Root ? [Version] : Array.Empty<OptionInfo>(), .. everywhere];

    /// <summary>Finds out what the words ask for, and whether it can be done.</summary>
    public Request Read(IReadOnlyList<string> words)
    {
        var (node, path, others, unknown) = Descend(words);
        var parser = new WordParser(OptionsOf(node));
        parser.Parse(others);
        object?[]? parameters = null;
        var mistake = unknown;
        if (mistake is null && parser.Mistake is not null)
        {
            mistake = UsageMistake.Of(path, parser.Mistake, parser.Suggestion);
        }

        if (mistake is null && node is Command command)
        {
            parameters = ParameterBinding.Bind(command.Descriptor, parser, out var message);
            mistake = message is null ? null : UsageMistake.Of(path, message);
        }
        else
        {
            mistake ??= new UsageMistake("say what to do", $"'{path} --help' lists the commands.");
        }

        return new Request(node, path, parser.Values, mistake, unknown is not null, parameters);
    }

    /// <summary>Finds what words name that are nothing but the name of a command or a group.</summary>
    /// <param name="words">The words; none name all commands.</param>
    /// <param name="node">What they name.</param>
    /// <param name="path">Its name in full, the program's first.</param>
    /// <returns>What is wrong; null if nothing is.</returns>
    public UsageMistake? Locate(IReadOnlyList<string> words, out CommandNode node, out string path)
    {
        (node, path, var others, var unknown) = Descend(words);
        return unknown ?? (others.Count > 0 ? UsageMistake.Of(path, $"'{others[0]}' is too much") : null);
    }

    /// <summary>Follows the words that name a command; the others remain.</summary>
    private (CommandNode Node, string Path, IReadOnlyList<string> Others, UsageMistake? Unknown) Descend(
        IReadOnlyList<string> words
    )
    {
        var node = Root;
        var path = Root.Name;
        var others = new List<string>();
        UsageMistake? unknown = null;
        var known = new WordParser([Help, Version, .. everywhere]);
        var literal = false;
        var i = 0;
        for (; i < words.Count && unknown is null && node is CommandGroup group; i++)
        {
            var word = words[i];
            if (WordParser.IsOption(word) && !literal)
            {
                others.Add(word);
                literal = word == "--";
                var hasValueInIt = word.Contains('=', StringComparison.Ordinal);
                if (known.Find(word) is { TakesValue: true } && !hasValueInIt && i + 1 < words.Count)
                {
                    others.Add(words[++i]);
                }
            }
            else if (group.Find(word) is { } child)
            {
                node = child;
                path = $"{path} {child.Name}";
            }
            else
            {
                unknown = UsageMistake.UnknownCommand(path, group, word);
            }
        }

        others.AddRange(words.Skip(i));
        return (node, path, others, unknown);
    }
}
