using Cocona;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Daemon;
using UdpTunnel.Cli.Output;
using UdpTunnel.Config;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary>
/// <c>reload</c>: shows what would change, then changes it. One tunnel or relay from a file, or all from the daemon's
/// directory.
/// </summary>
internal sealed class ReloadCommand(Invocation invocation)
{
    private const string Help = "See 'udptunnelctl reload --help'.";

    [Command(
        Description = "Show how a running tunnel or relay differs from a file and apply it. "
            + "What can change while it runs, does. A relay's approved senders stay approved."
    )]
    [Example("udptunnelctl reload home /etc/udptunnel/home.json")]
    [Example("udptunnelctl reload home home.json --yes --json")]
    [Example("udptunnelctl reload --all")]
    public async Task RunAsync(
        [Argument("NAME", Description = "Name of the running tunnel or relay")]
        [CompletedFrom(CompletionSource.TunnelsAndRelays)]
            string? name,
        [Argument("CONFIG.json", Description = "Its new configuration, or a file of wg-quick; - is standard input")]
        [CompletedFrom(CompletionSource.Files)]
            string? file,
        [Option(
            "all",
            Description = "Apply the files of the daemon's configuration directory: start what is new, "
                + "change what has changed, stop what is gone"
        )]
            bool all,
        [Option("yes", ['y'], Description = "Do not ask, even if something that runs has to restart or stop")] bool yes
    )
    {
        if (all)
        {
            if (name is not null)
            {
                throw UsageFailure.Usage("--all takes no name and no file: the daemon reads its own directory", Help);
            }

            await ReloadAll.RunAsync(invocation, yes, invocation.Cancellation).ConfigureAwait(false);
            return;
        }

        if (name is null || file is null)
        {
            throw UsageFailure.Usage(
                "say which tunnel or relay and which file, or --all for the daemon's configuration directory",
                Help
            );
        }

        await ReloadOneAsync(name, file, yes).ConfigureAwait(false);
    }

    private async Task ReloadOneAsync(string name, string file, bool yes)
    {
        invocation.Names = [name];
        var text = ConfigurationText.Read(invocation.Host, file, name);
        invocation.FileName = text.FileName;
        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
        Reload reload =
            text.Configuration is RelayConfig
                ? (dryRun, allowRestart) => ReloadRelayAsync(daemon, name, text, dryRun, allowRestart)
                : (dryRun, allowRestart) => ReloadTunnelAsync(daemon, name, text, dryRun, allowRestart);
        var outcome = await reload(true, false).ConfigureAwait(false);
        var restart = outcome.Changes.Any(c => c.NeedsRestart);
        if (!invocation.Json)
        {
            ShowDifference(invocation, name, outcome, text);
        }

        if (outcome.Changes.Count > 0)
        {
            if (restart)
            {
                Consent.Ask(invocation, yes, $"'{name}' has to restart for this");
            }

            outcome = await reload(false, restart).ConfigureAwait(false);
        }

        ShowResult(invocation, name, outcome, restart, text);
    }

    private async Task<Outcome> ReloadTunnelAsync(
        DaemonConnection daemon,
        string name,
        ConfigurationText text,
        bool dryRun,
        bool allowRestart
    )
    {
        var request = new ReloadTunnelRequest
        {
            Name = name,
            Configuration = text.Text,
            DryRun = dryRun,
            AllowRestart = allowRestart,
        };
        var answer = await daemon
            .Tunnels.ReloadTunnelAsync(request, invocation.ChangeCall)
            .ResponseAsync.ConfigureAwait(false);
        return new Outcome("tunnel", answer.Changes, answer.Applied, answer.Warnings);
    }

    private async Task<Outcome> ReloadRelayAsync(
        DaemonConnection daemon,
        string name,
        ConfigurationText text,
        bool dryRun,
        bool allowRestart
    )
    {
        var request = new ReloadRelayRequest
        {
            Name = name,
            Configuration = text.Text,
            DryRun = dryRun,
            AllowRestart = allowRestart,
        };
        var answer = await daemon
            .Relays.ReloadRelayAsync(request, invocation.ChangeCall)
            .ResponseAsync.ConfigureAwait(false);
        return new Outcome("relay", answer.Changes, answer.Applied, answer.Warnings);
    }

    private static void ShowDifference(Invocation invocation, string name, Outcome outcome, ConfigurationText text)
    {
        var screen = invocation.NewScreen();
        foreach (var warning in text.With(outcome.Warnings))
        {
            screen.Paragraph(DiagnosticText.Render(warning, text.FileName), style: Style.Warning);
        }

        if (outcome.Changes.Count == 0)
        {
            screen.Paragraph($"{name} is already as {text.FileName} says; nothing to change.");
        }
        else
        {
            screen.Paragraph($"{name} changes:", style: Style.Strong);
            ChangeView.Render(screen, outcome.Changes);
        }

        invocation.Print(screen);
    }

    private static void ShowResult(
        Invocation invocation,
        string name,
        Outcome outcome,
        bool restart,
        ConfigurationText text
    )
    {
        if (invocation.Json)
        {
            invocation.PrintJson(writer =>
            {
                writer.WriteString(outcome.Kind, name);
                writer.WriteBoolean("applied", outcome.Applied);
                ChangeJson.Write(writer, "changes", outcome.Changes);
                DiagnosticJson.Write(writer, "warnings", text.With(outcome.Warnings));
            });
        }
        else if (outcome.Applied)
        {
            invocation.Print(
                invocation
                    .NewScreen()
                    .Line(restart ? $"Applied; the {outcome.Kind} restarted." : "Applied while it runs.")
            );
        }
    }

    /// <summary>One call of the daemon.</summary>
    private delegate Task<Outcome> Reload(bool dryRun, bool allowRestart);

    /// <summary>The daemon's answer, of either kind.</summary>
    /// <param name="Kind"><c>tunnel</c> or <c>relay</c>.</param>
    /// <param name="Changes">The fields that differ.</param>
    /// <param name="Applied">Whether they were applied.</param>
    /// <param name="Warnings">Remarks about the text.</param>
    private sealed record Outcome(
        string Kind,
        IReadOnlyList<Change> Changes,
        bool Applied,
        IReadOnlyList<UdpTunnel.V1.Diagnostic> Warnings
    );
}
