using System.CommandLine;
using UdpTunnel.Cli.Commands.Relays;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output;
using UdpTunnel.Config;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>up</c>: starts what a file describes.</summary>
internal sealed class UpCommand : ControlCommand
{
    private readonly Argument<string> _file = new("CONFIG.json") { Description = "The configuration; - is standard input" };

    private readonly Option<string?> _name = new("--name")
    {
        Description = "Name of the tunnel or relay. Default: the configuration's Name, else the name of the file",
        HelpName = "NAME",
    };

    private readonly Option<bool> _ephemeral = new("--ephemeral") { Description = "Do not start it again with the daemon" };

    private readonly Option<string> _timeout = new("--timeout")
    {
        Description = "How long to wait until it runs",
        HelpName = "DURATION",
        DefaultValueFactory = _ => "30s",
    };

    /// <summary>Declares the command.</summary>
    public UpCommand(CommandHost host, GlobalOptions global)
        : base(host, global, "up", "Start the tunnel or relay that a file describes, wait until it runs, and say what was done.")
    {
        Add(_file);
        Add(_name);
        Add(_ephemeral);
        Add(_timeout);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples { get; } =
    [
        "udptunnelctl up /etc/udptunnel/home.json",
        "udptunnelctl up client.json --name office --ephemeral",
        "generate-config | udptunnelctl up - --name office",
    ];

    /// <inheritdoc/>
    public override CompletionSource CompletionOf(int argument) => argument == 0 ? CompletionSource.Files : CompletionSource.Nothing;

    /// <inheritdoc/>
    protected override async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var timeout = DurationText.Require("--timeout", invocation.Get(_timeout)!, "100ms", "1h");
        var name = invocation.Get(_name);
        if (name is not null && !ConfigurationName.TryValidate(name, out var error))
        {
            throw UsageFailure.Usage($"--name: {error}", "See 'udptunnelctl up --help'.");
        }

        var text = ConfigurationText.Read(invocation.Host, invocation.Get(_file)!, name);
        invocation.FileName = text.FileName;
        var daemon = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);

        // Always sent: the daemon does not see the file's name, which is the default.
        name ??= text.Configuration.Name;
        var ephemeral = invocation.Get(_ephemeral);
        if (text.Configuration is RelayConfig)
        {
            var relay = new StartRelayRequest { Configuration = text.Text, Name = name, Ephemeral = ephemeral };
            await RelayStart.RunAsync(invocation, daemon, relay, text.With, timeout, cancellation).ConfigureAwait(false);
            return;
        }

        var request = new StartTunnelRequest { Configuration = text.Text, Name = name, Ephemeral = ephemeral };
        var answer = await daemon.Tunnels.StartTunnelAsync(request, Invocation.Within(timeout, cancellation))
            .ResponseAsync.ConfigureAwait(false);
        Show(invocation, answer.Tunnel ?? new Tunnel(), text.With(answer.Warnings));
    }

    private static void Show(Invocation invocation, Tunnel tunnel, IReadOnlyList<UdpTunnel.V1.Diagnostic> warnings)
    {
        if (invocation.Json)
        {
            invocation.PrintJson(writer =>
            {
                TunnelJson.Write(writer, "tunnel", tunnel);
                DiagnosticJson.Write(writer, "warnings", warnings);
            });
            return;
        }

        var screen = invocation.NewScreen();
        StartView.Render(screen, tunnel, warnings, invocation.FileName, invocation.Host.Time.GetUtcNow());
        invocation.Print(screen);
    }
}
