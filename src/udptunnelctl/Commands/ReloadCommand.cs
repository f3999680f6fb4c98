using System.CommandLine;
using UdpTunnel.Cli.Failures;
using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>reload</c>: shows what would change, then changes it.</summary>
internal sealed class ReloadCommand : ControlCommand
{
    private readonly Argument<string> _name = new("NAME") { Description = "Name of the running tunnel" };
    private readonly Argument<string> _file = new("CONFIG.json") { Description = "Its new configuration; - is standard input" };

    private readonly Option<bool> _yes = new("--yes", "-y")
    {
        Description = "Do not ask, even if the tunnel has to restart",
    };

    /// <summary>Declares the command.</summary>
    public ReloadCommand(CommandHost host, GlobalOptions global)
        : base(host, global, "reload", "Show how a running tunnel differs from a file and apply it. What can change while it runs, does.")
    {
        Add(_name);
        Add(_file);
        Add(_yes);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples { get; } =
        ["udptunnelctl reload home /etc/udptunnel/home.json", "udptunnelctl reload home home.json --yes --json"];

    /// <inheritdoc/>
    protected override async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var name = invocation.Get(_name)!;
        invocation.Names = [name];
        var text = ConfigurationText.ReadTunnel(invocation.Host, invocation.Get(_file)!, name);
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
            Agree(invocation, name, restart);
            request.DryRun = false;
            request.AllowRestart = restart;
            answer = await CallAsync().ConfigureAwait(false);
        }

        ShowResult(invocation, name, answer, restart, text);

        async Task<ReloadTunnelResponse> CallAsync() => await daemon.Tunnels.ReloadTunnelAsync(
            request, Invocation.Within(Invocation.ChangeTimeout, cancellation)).ResponseAsync.ConfigureAwait(false);
    }

    /// <summary>Goes on if the tunnel need not restart, or somebody agreed that it does.</summary>
    /// <exception cref="CommandException">Nobody agreed.</exception>
    private void Agree(Invocation invocation, string name, bool restart)
    {
        if (!restart || invocation.Get(_yes))
        {
            return;
        }

        var host = invocation.Host;
        if (invocation.Json || !host.Terminal.InputIsTerminal || !host.Terminal.ErrorIsTerminal)
        {
            throw new CommandException(ExitCode.Failed, "restart_required", $"'{name}' has to restart for this; nothing was changed")
            {
                Advice = "Repeat it with --yes to let the tunnel restart.",
            };
        }

        host.Output.Flush();
        host.Error.Write($"{TerminalText.Escape(name)} has to restart for this. Apply it? [y/N] ");
        host.Error.Flush();
        using var input = new StreamReader(host.OpenInput());
        if (input.ReadLine()?.Trim().ToUpperInvariant() is not ("Y" or "YES"))
        {
            throw new CommandException(ExitCode.Failed, "declined", "nothing was changed");
        }
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
                writer.WriteStartArray("changes");
                foreach (var change in answer.Changes)
                {
                    writer.WriteStartObject();
                    writer.WriteString("field", change.Field);
                    writer.WriteString("before", change.Before);
                    writer.WriteString("after", change.After);
                    writer.WriteBoolean("needsRestart", change.NeedsRestart);
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
                DiagnosticJson.Write(writer, "warnings", text.With(answer.Warnings));
            });
        }
        else if (answer.Applied)
        {
            invocation.Print(invocation.NewScreen().Line(restart ? "Applied; the tunnel restarted." : "Applied while it runs."));
        }
    }
}
