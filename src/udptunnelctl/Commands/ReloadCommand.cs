using Cocona;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary>
/// <c>reload</c>: shows what would change, then changes it. One tunnel from a file, or all from the daemon's directory.
/// </summary>
internal sealed class ReloadCommand(Invocation invocation)
{
    private const string Help = "See 'udptunnelctl reload --help'.";

    [Command(
        Description = "Show how a running tunnel differs from a file and apply it. "
            + "What can change while it runs, does.")]
    [Example("udptunnelctl reload home /etc/udptunnel/home.json")]
    [Example("udptunnelctl reload home home.json --yes --json")]
    [Example("udptunnelctl reload --all")]
    public async Task RunAsync(
        [Argument("NAME", Description = "Name of the running tunnel")]
        [CompletedFrom(CompletionSource.Tunnels)]
        string? name,
        [Argument("CONFIG.json", Description = "Its new configuration, or a file of wg-quick; - is standard input")]
        [CompletedFrom(CompletionSource.Files)]
        string? file,
        [Option(
            "all",
            Description = "Apply the files of the daemon's configuration directory: start what is new, "
                + "change what has changed, stop what is gone")]
        bool all,
        [Option("yes", ['y'], Description = "Do not ask, even if something that runs has to restart or stop")] bool yes)
    {
        if (all)
        {
            if (name is not null)
            {
                throw UsageFailure.Usage("--all names no tunnel and no file: the daemon reads its own directory", Help);
            }

            await ReloadAll.RunAsync(invocation, yes, invocation.Cancellation).ConfigureAwait(false);
            return;
        }

        if (name is null || file is null)
        {
            throw UsageFailure.Usage(
                "say which tunnel and which file, or --all for the daemon's configuration directory", Help);
        }

        await ReloadOneAsync(name, file, yes).ConfigureAwait(false);
    }

    private async Task ReloadOneAsync(string name, string file, bool yes)
    {
        invocation.Names = [name];
        var text = ConfigurationText.ReadTunnel(invocation.Host, file, name);
        invocation.FileName = text.FileName;
        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
        var request = new ReloadTunnelRequest { Name = name, Configuration = text.Text, DryRun = true };
        var answer = await CallAsync().ConfigureAwait(false);
        var restart = answer.Changes.Any(c => c.NeedsRestart);
        if (!invocation.Json)
        {
            ShowDifference(invocation, name, answer, text);
        }

        if (answer.Changes.Count > 0)
        {
            if (restart)
            {
                Consent.Ask(invocation, yes, $"'{name}' has to restart for this");
            }

            request.DryRun = false;
            request.AllowRestart = restart;
            answer = await CallAsync().ConfigureAwait(false);
        }

        ShowResult(invocation, name, answer, restart, text);

        async Task<ReloadTunnelResponse> CallAsync() => await daemon.Tunnels.ReloadTunnelAsync(
            request, invocation.ChangeCall).ResponseAsync.ConfigureAwait(false);
    }

    private static void ShowDifference(
        Invocation invocation, string name, ReloadTunnelResponse answer, ConfigurationText text)
    {
        var screen = invocation.NewScreen();
        foreach (var warning in text.With(answer.Warnings))
        {
            screen.Paragraph(DiagnosticText.Render(warning, text.FileName), style: Style.Warning);
        }

        if (answer.Changes.Count == 0)
        {
            screen.Paragraph($"{name} is already as {text.FileName} says; nothing to change.");
        }
        else
        {
            screen.Paragraph($"{name} changes:", style: Style.Strong);
            ChangeView.Render(screen, answer.Changes);
        }

        invocation.Print(screen);
    }

    private static void ShowResult(
        Invocation invocation, string name, ReloadTunnelResponse answer, bool restart, ConfigurationText text)
    {
        if (invocation.Json)
        {
            invocation.PrintJson(writer =>
            {
                writer.WriteString("tunnel", name);
                writer.WriteBoolean("applied", answer.Applied);
                ChangeJson.Write(writer, "changes", answer.Changes);
                DiagnosticJson.Write(writer, "warnings", text.With(answer.Warnings));
            });
        }
        else if (answer.Applied)
        {
            invocation.Print(invocation.NewScreen().Line(restart ? "Applied; the tunnel restarted." : "Applied while it runs."));
        }
    }
}
