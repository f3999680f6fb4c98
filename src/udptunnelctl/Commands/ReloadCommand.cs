using System.CommandLine;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>reload</c>: shows what would change, then changes it. One tunnel from a file, or all from the daemon's directory.</summary>
internal sealed class ReloadCommand : ControlCommand
{
    private readonly Argument<string?> _name = new("NAME")
    {
        Description = "Name of the running tunnel",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Argument<string?> _file = new("CONFIG.json")
    {
        Description = "Its new configuration; - is standard input",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<bool> _all = new("--all")
    {
        Description = "Apply the files of the daemon's configuration directory: start what is new, change what has changed, stop what is gone",
    };

    private readonly Option<bool> _yes = new("--yes", "-y")
    {
        Description = "Do not ask, even if something that runs has to restart or stop",
    };

    /// <summary>Declares the command.</summary>
    public ReloadCommand(CommandHost host, GlobalOptions global)
        : base(host, global, "reload", "Show how a running tunnel differs from a file and apply it. What can change while it runs, does.")
    {
        Add(_name);
        Add(_file);
        Add(_all);
        Add(_yes);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples { get; } =
        ["udptunnelctl reload home /etc/udptunnel/home.json", "udptunnelctl reload home home.json --yes --json", "udptunnelctl reload --all"];

    /// <inheritdoc/>
    public override CompletionSource CompletionOf(int argument) => argument switch
    {
        0 => CompletionSource.Tunnels,
        1 => CompletionSource.Files,
        _ => CompletionSource.Nothing,
    };

    /// <inheritdoc/>
    protected override async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        if (invocation.Get(_all))
        {
            if (invocation.Get(_name) is not null)
            {
                throw UsageFailure.Usage("--all names no tunnel and no file: the daemon reads its own directory", "See 'udptunnelctl reload --help'.");
            }

            await ReloadAll.RunAsync(invocation, invocation.Get(_yes), cancellation).ConfigureAwait(false);
            return;
        }

        if (invocation.Get(_name) is not { } name || invocation.Get(_file) is not { } file)
        {
            throw UsageFailure.Usage(
                "say which tunnel and which file, or --all for the daemon's configuration directory", "See 'udptunnelctl reload --help'.");
        }

        await ReloadOneAsync(invocation, name, file, cancellation).ConfigureAwait(false);
    }

    private async Task ReloadOneAsync(Invocation invocation, string name, string file, CancellationToken cancellation)
    {
        invocation.Names = [name];
        var text = ConfigurationText.ReadTunnel(invocation.Host, file, name);
        invocation.FileName = text.FileName;
        var daemon = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
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
                Consent.Ask(invocation, invocation.Get(_yes), $"'{name}' has to restart for this");
            }

            request.DryRun = false;
            request.AllowRestart = restart;
            answer = await CallAsync().ConfigureAwait(false);
        }

        ShowResult(invocation, name, answer, restart, text);

        async Task<ReloadTunnelResponse> CallAsync() => await daemon.Tunnels.ReloadTunnelAsync(
            request, Invocation.Within(Invocation.ChangeTimeout, cancellation)).ResponseAsync.ConfigureAwait(false);
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
