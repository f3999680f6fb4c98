// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output;

/// <summary>What the files of the configuration directory ask for, for a person and for a program.</summary>
internal static class FileOutcomeView
{
    /// <summary>One entry for each file that asks for something or has a mistake.</summary>
    public static void Render(Screen screen, IEnumerable<FileOutcome> outcomes)
    {
        foreach (var outcome in outcomes)
        {
            if (outcome.Action != FileAction.None)
            {
                screen.Paragraph(
                    outcome.File.Length > 0
                        ? $"{outcome.Name} {Spoken(outcome.Action)} ({outcome.File})"
                        : $"{outcome.Name} is in none of the files and stops",
                    style: StyleOf(outcome.Action)
                );
                ChangeView.Render(screen, outcome.Changes);
            }

            foreach (var diagnostic in outcome.Diagnostics)
            {
                screen.Paragraph(
                    DiagnosticText.Render(diagnostic, outcome.File),
                    indent: 2,
                    style: diagnostic.Severity == Severity.Error ? Style.Bad : Style.Warning
                );
            }

            // The first mistake is the problem's text.
            if (outcome.Problem.Length > 0 && outcome.Diagnostics.All(d => d.Severity != Severity.Error))
            {
                screen.Paragraph(
                    outcome.Action == FileAction.None
                        ? $"{outcome.Name} does not run: {outcome.Problem}"
                        : outcome.Problem,
                    indent: 2,
                    style: Style.Bad
                );
            }
        }
    }

    /// <summary>What was done.</summary>
    public static void RenderResult(Screen screen, IReadOnlyList<FileOutcome> outcomes)
    {
        foreach (var outcome in outcomes.Where(o => o.Action is not (FileAction.None or FileAction.Refuse)))
        {
            if (outcome.Problem.Length > 0)
            {
                screen.Paragraph($"{outcome.Name}: {outcome.Problem}", style: Style.Bad);
            }
            else if (outcome.Applied)
            {
                screen.Paragraph($"{outcome.Name} {Done(outcome.Action)}.", style: Style.Good);
            }
        }
    }

    private static string Spoken(FileAction action) =>
        action switch
        {
            FileAction.Start => "is new and starts",
            FileAction.Change => "changes while it runs",
            FileAction.Restart => "has to restart",
            FileAction.Stop => "has no file any more and stops",
            FileAction.Refuse => "stays as it is",
            _ => "does something that this command does not know",
        };

    private static string Done(FileAction action) =>
        action switch
        {
            FileAction.Start => "was started",
            FileAction.Change => "was changed",
            FileAction.Restart => "was restarted",
            FileAction.Stop => "was stopped",
            _ => "is done",
        };

    private static Style StyleOf(FileAction action) =>
        action switch
        {
            FileAction.Restart or FileAction.Stop => Style.Warning,
            FileAction.Refuse => Style.Bad,
            _ => Style.Strong,
        };
}
