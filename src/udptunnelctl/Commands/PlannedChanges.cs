// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Failures;
using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary>
/// Shows what some files ask for, asks before something is interrupted, lets it be done and shows what became of it.
/// </summary>
/// <param name="invocation">The command.</param>
/// <param name="apply">Does it; told whether something that runs may be interrupted.</param>
internal sealed class PlannedChanges(Invocation invocation, Func<bool, Task<IReadOnlyList<FileOutcome>>> apply)
{
    /// <summary>Goes through with a plan.</summary>
    /// <param name="planned">What the files ask for.</param>
    /// <param name="dryRun">Only show it.</param>
    /// <param name="yes">Agreed already to what it interrupts.</param>
    /// <exception cref="CommandException">Nobody agreed, or a file was not applied.</exception>
    public async Task RunAsync(IReadOnlyList<FileOutcome> planned, bool dryRun, bool yes)
    {
        var isNothing = planned.All(o => o.Action is FileAction.None or FileAction.Refuse);
        if (!invocation.Json)
        {
            var screen = invocation.NewScreen();
            FileOutcomeView.Render(screen, planned);
            if (isNothing)
            {
                screen.Paragraph("Nothing to change.");
            }

            invocation.Print(screen);
        }

        var outcomes = planned;
        if (!dryRun && !isNothing)
        {
            var interrupted = planned
                .Where(o => o.Action is FileAction.Restart or FileAction.Stop)
                .Select(o => $"'{o.Name}'")
                .ToList();
            if (interrupted.Count > 0)
            {
                Consent.Ask(invocation, yes, $"this interrupts {string.Join(", ", interrupted)}");
            }

            outcomes = await apply(interrupted.Count > 0).ConfigureAwait(false);
        }

        Show(outcomes);
        var failed = outcomes.Where(o => o.Problem.Length > 0).Select(o => o.Name).ToList();
        if (failed.Count > 0)
        {
            throw new CommandException(
                ExitCode.Failed,
                "not_applied",
                $"not everything is as its file says: {string.Join(", ", failed)}"
            )
            {
                IsInOutput = true,
            };
        }
    }

    private void Show(IReadOnlyList<FileOutcome> outcomes)
    {
        if (!invocation.Json)
        {
            var screen = invocation.NewScreen();
            FileOutcomeView.RenderResult(screen, outcomes);
            invocation.Print(screen);
            return;
        }

        invocation.PrintJson(writer =>
        {
            writer.WriteStartArray("files");
            foreach (var outcome in outcomes)
            {
                writer.WriteStartObject();
                writer.WriteText("file", outcome.File);
                writer.WriteString("name", outcome.Name);
                writer.WriteString("action", Words.Of(outcome.Action));
                writer.WriteBoolean("applied", outcome.Applied);
                ChangeJson.Write(writer, "changes", outcome.Changes);
                writer.WriteText("problem", outcome.Problem);
                DiagnosticJson.Write(writer, "diagnostics", outcome.Diagnostics);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        });
    }
}
