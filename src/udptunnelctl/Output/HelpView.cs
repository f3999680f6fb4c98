using System.CommandLine;

namespace UdpTunnel.Cli.Output;

/// <summary>What <c>--help</c> shows: what a command does, how it is written, and examples.</summary>
internal static class HelpView
{
    private const int WidestLabel = 30;

    /// <summary>The whole help of a command.</summary>
    /// <param name="screen">Where to.</param>
    /// <param name="path">The words that name the command.</param>
    /// <param name="command">The command.</param>
    /// <param name="inherited">Options of all commands.</param>
    /// <param name="examples">Whole command lines.</param>
    public static void Render(
        Screen screen, string path, Command command, IEnumerable<Option> inherited, IEnumerable<string> examples)
    {
        screen.Paragraph(command.Description ?? "");
        screen.Line();
        screen.Line("Usage:");
        screen.Paragraph($"{path} {Usage(command)}", indent: 2);
        Section(screen, "Commands:", command.Subcommands.Where(c => !c.Hidden).Select(c => (Label(c), Summary(c))));
        Section(screen, "Arguments:", command.Arguments.Where(a => !a.Hidden).Select(a => (a.Name, a.Description ?? "")));
        Section(
            screen,
            "Options:",
            command.Options.Concat(inherited).Where(o => !o.Hidden).DistinctBy(o => o.Name).Select(o => (Label(o), o.Description ?? "")));
        screen.Line();
        screen.Line("Examples:");
        foreach (var example in examples)
        {
            screen.Line($"  {example}");
        }
    }

    /// <summary>The commands alone, for somebody who named none.</summary>
    public static void RenderCommands(Screen screen, Command command) =>
        Section(screen, "Commands:", command.Subcommands.Where(c => !c.Hidden).Select(c => (Label(c), Summary(c))));

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
            screen.Hanging($"  {label}", width, text);
        }
    }

    private static string Usage(Command command)
    {
        var words = new List<string>();
        if (command.Subcommands.Count > 0)
        {
            words.Add("COMMAND");
        }

        words.AddRange(command.Arguments.Where(a => !a.Hidden).Select(Word));
        words.AddRange(command.Options.Where(o => o.Required).Select(Label));
        words.Add("[OPTION...]");
        return string.Join(' ', words);
    }

    private static string Label(Command command) =>
        string.Join(' ', command.Arguments.Where(a => !a.Hidden).Select(Word).Prepend(command.Name));

    /// <summary>An argument as usage lines have it: <c>NAME</c>, <c>[NAME]</c>, <c>[NAME...]</c></summary>
    private static string Word(Argument argument)
    {
        var word = argument.Arity.MaximumNumberOfValues > 1 ? $"{argument.Name}..." : argument.Name;
        return argument.Arity.MinimumNumberOfValues == 0 ? $"[{word}]" : word;
    }

    private static string Label(Option option)
    {
        // -? is of another system.
        var names = option.Aliases.Where(a => a is not "-?" and not "/h" and not "/?").Append(option.Name);
        var label = string.Join(", ", names.OrderBy(n => n.Length));
        return option.HelpName is { Length: > 0 } value ? $"{label} {value}" : label;
    }

    /// <summary>The first sentence of the description, up to where it explains itself.</summary>
    private static string Summary(Command command)
    {
        var text = command.Description ?? "";
        var end = text.IndexOfAny(['.', ':', ';']);
        return end < 0 ? text : text[..end];
    }
}
