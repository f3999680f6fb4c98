// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output;
using UdpTunnel.Config;

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

            await ReloadAll.RunAsync(invocation, dryRun: false, yes).ConfigureAwait(false);
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
        var wanted = new Wanted(name, text.Text, text.Configuration is RelayConfig, IsEphemeral: false);
        await FileNote.WarnAsync(invocation, daemon, name).ConfigureAwait(false);
        var difference = await Difference.FindAsync(invocation, daemon, name, wanted).ConfigureAwait(false);
        var restart = difference.NeedsRestart;
        if (!invocation.Json)
        {
            ShowDifference(invocation, name, difference, text);
        }

        if (difference.Changes.Count > 0)
        {
            if (restart)
            {
                Consent.Ask(invocation, yes, $"'{name}' has to restart for this");
            }

            difference = await difference.ApplyAsync(invocation, daemon, name, wanted).ConfigureAwait(false);
        }

        ShowResult(invocation, name, difference, restart, text);
    }

    private static void ShowDifference(
        Invocation invocation,
        string name,
        Difference difference,
        ConfigurationText text
    )
    {
        var screen = invocation.NewScreen();
        foreach (var warning in text.With(difference.Warnings))
        {
            screen.Paragraph(DiagnosticText.Render(warning, text.FileName), style: Style.Warning);
        }

        if (difference.Changes.Count == 0)
        {
            screen.Paragraph($"{name} is already as {text.FileName} says; nothing to change.");
        }
        else
        {
            screen.Paragraph($"{name} changes:", style: Style.Strong);
            ChangeView.Render(screen, difference.Changes);
        }

        invocation.Print(screen);
    }

    private static void ShowResult(
        Invocation invocation,
        string name,
        Difference difference,
        bool restart,
        ConfigurationText text
    )
    {
        if (invocation.Json)
        {
            invocation.PrintJson(writer =>
            {
                writer.WriteString(difference.Kind, name);
                writer.WriteBoolean("applied", difference.Applied);
                ChangeJson.Write(writer, "changes", difference.Changes);
                DiagnosticJson.Write(writer, "warnings", text.With(difference.Warnings));
            });
        }
        else if (difference.Applied)
        {
            invocation.Print(
                invocation
                    .NewScreen()
                    .Line(restart ? $"Applied; the {difference.Kind} restarted." : "Applied while it runs.")
            );
        }
    }
}
