// SPDX-License-Identifier: BSD-3-Clause

using System.Text;

namespace UdpTunnel.CommandLine;

/// <summary>What <c>--help</c> shows: what a command does, how it is written, and examples.</summary>
public static class HelpPage
{
    private const int WidestLabel = 30;
    private const string Indent = "  ";

    /// <summary>The least columns between a label and its text; a longer label has a line of its own.</summary>
    private const int Gap = 2;

    /// <summary>The whole help of a command or a group.</summary>
    /// <param name="screen">Where to.</param>
    /// <param name="path">The words that name it.</param>
    /// <param name="node">The command or the group.</param>
    /// <param name="options">Its options and those of every command.</param>
    public static void Render(Screen screen, string path, CommandNode node, IEnumerable<OptionInfo> options)
    {
        screen.Paragraph(node.Description);
        screen.Line();
        screen.Line("Usage:");
        screen.Paragraph($"{path} {Usage(node)}", indent: Indent.Length);
        RenderCommands(screen, node);
        Section(screen, "Arguments:", node.Arguments.Select(a => (a.Name, a.Description)));
        Section(screen, "Options:", options.Select(o => (Label(o), o.Description)));
        if (node.Examples.Count > 0)
        {
            screen.Line();
            screen.Line("Examples:");
        }

        foreach (var line in node.Examples.SelectMany(e => Fold(e, screen.Columns)))
        {
            screen.Line(line);
        }
    }

    /// <summary>The commands alone, for somebody who named none.</summary>
    public static void RenderCommands(Screen screen, CommandNode node) =>
        Section(screen, "Commands:", node is CommandGroup group ? group.Select(c => (Label(c), Summary(c))) : []);

    /// <summary>
    /// A command line in as many lines as it needs, which a shell joins again: it is there to be copied. A break is a
    /// backslash at a space outside quotes; a word that is too long stays whole.
    /// </summary>
    public static IEnumerable<string> Fold(string commandLine, int columns)
    {
        const string Break = " \\";
        var line = new StringBuilder(Indent);
        var empty = true;
        foreach (var word in Words(commandLine))
        {
            if (!empty && line.Length + 1 + word.Length + Break.Length > columns)
            {
                yield return line.Append(Break).ToString();
                line.Clear().Append(Indent).Append(Indent);
                empty = true;
            }

            line.Append(empty ? "" : " ").Append(word);
            empty = false;
        }

        yield return line.ToString();
    }

    /// <summary>The parts between spaces outside quotes.</summary>
    private static IEnumerable<string> Words(string commandLine)
    {
        var start = 0;
        var quote = '\0';
        for (var i = 0; i < commandLine.Length; i++)
        {
            var c = commandLine[i];
            if (c is '\'' or '"' && (quote == '\0' || quote == c))
            {
                quote = quote == c ? '\0' : c;
            }
            else if (c == ' ' && quote == '\0')
            {
                yield return commandLine[start..i];
                start = i + 1;
            }
        }

        yield return commandLine[start..];
    }

    private static void Section(Screen screen, string title, IEnumerable<(string Label, string Text)> entries)
    {
        var list = entries.ToList();
        if (list.Count == 0)
        {
            return;
        }

        screen.Line();
        screen.Line(title);
        var width = Math.Min(WidestLabel, list.Max(e => e.Label.Length)) + 4;
        foreach (var (label, text) in list)
        {
            var beside = Indent.Length + label.Length + Gap <= width;
            if (!beside)
            {
                screen.Line($"{Indent}{label}");
            }

            screen.Hanging(beside ? $"{Indent}{label}" : "", width, text);
        }
    }

    private static string Usage(CommandNode node)
    {
        IEnumerable<string> words =
        [
            .. node is CommandGroup ? ["COMMAND"] : Array.Empty<string>(),
            .. node.Arguments.Select(Word),
            .. node.Options.Where(o => o.IsRequired).Select(Label),
            "[OPTION...]",
        ];
        return string.Join(' ', words);
    }

    private static string Label(CommandNode node) => string.Join(' ', node.Arguments.Select(Word).Prepend(node.Name));

    /// <summary>An argument as usage lines have it: <c>NAME</c>, <c>[NAME]</c>, <c>[NAME...]</c></summary>
    private static string Word(ArgumentInfo argument)
    {
        var word = argument.TakesMany ? $"{argument.Name}..." : argument.Name;
        return argument.IsRequired ? word : $"[{word}]";
    }

    private static string Label(OptionInfo option)
    {
        // -? is of another system.
        var label = string.Join(", ", option.Letters.Where(l => l != "-?").Append(option.Name));
        return option.ValueName is { } value ? $"{label} {value}" : label;
    }

    /// <summary>The first sentence of the description, up to where it explains itself.</summary>
    private static string Summary(CommandNode node)
    {
        var end = node.Description.IndexOfAny(['.', ':', ';']);
        return end < 0 ? node.Description : node.Description[..end];
    }
}
