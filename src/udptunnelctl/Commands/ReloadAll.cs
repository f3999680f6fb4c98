using UdpTunnel.Cli.Daemon;
using UdpTunnel.Cli.Failures;
using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary>
/// <c>reload --all</c>: shows what the daemon's configuration directory asks for, and lets it be applied.
/// </summary>
internal static class ReloadAll
{
    /// <exception cref="CommandException">Nobody agreed to what it interrupts, or a file was not applied.</exception>
    public static async Task RunAsync(Invocation invocation, bool yes, CancellationToken cancellation)
    {
        var daemon = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        var planned = await CallAsync(daemon, new ReloadDirectoryRequest { DryRun = true }, cancellation)
            .ConfigureAwait(false);
        if (!invocation.Json)
        {
            var screen = invocation.NewScreen();
            FileOutcomeView.Render(screen, planned);
            if (planned.All(o => o.Action is FileAction.None or FileAction.Refuse))
            {
                screen.Paragraph("Nothing to change.");
            }

            invocation.Print(screen);
        }

        var interrupted = planned
            .Where(o => o.Action is FileAction.Restart or FileAction.Stop)
            .Select(o => $"'{o.Name}'")
            .ToList();
        if (interrupted.Count > 0)
        {
            Consent.Ask(invocation, yes, $"this interrupts {string.Join(", ", interrupted)}");
        }

        var outcomes = planned.Any(o => o.Action is not (FileAction.None or FileAction.Refuse))
            ? await CallAsync(daemon, new ReloadDirectoryRequest { AllowRestart = interrupted.Count > 0 }, cancellation)
                .ConfigureAwait(false)
            : planned;
        Show(invocation, outcomes);
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

    private static async Task<IReadOnlyList<FileOutcome>> CallAsync(
        DaemonConnection daemon,
        ReloadDirectoryRequest request,
        CancellationToken cancellation
    ) =>
        (
            await daemon
                .Daemon.ReloadDirectoryAsync(request, Invocation.Within(Invocation.ChangeTimeout, cancellation))
                .ResponseAsync.ConfigureAwait(false)
        ).Outcomes;

    private static void Show(Invocation invocation, IReadOnlyList<FileOutcome> outcomes)
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
                writer.WriteString("file", outcome.File);
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
