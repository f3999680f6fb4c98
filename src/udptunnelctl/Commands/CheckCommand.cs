using System.CommandLine;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output;
using UdpTunnel.Config;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>check</c>: tells whether a file is right, without a daemon.</summary>
internal sealed class CheckCommand : ControlCommand
{
    private readonly Argument<string> _file = new("CONFIG.json") { Description = "The configuration; - is standard input" };

    private readonly Option<string?> _name = new("--name")
    {
        Description = "Name, if the configuration has none. Default: the name of the file",
        HelpName = "NAME",
    };

    /// <summary>Declares the command.</summary>
    public CheckCommand(CommandHost host, GlobalOptions global)
        : base(host, global, "check", "Tell whether a configuration is valid. Needs no daemon.")
    {
        Add(_file);
        Add(_name);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples { get; } =
        ["udptunnelctl check /etc/udptunnel/home.json", "udptunnelctl check --json home.json"];

    /// <inheritdoc/>
    public override CompletionSource CompletionOf(int argument) => argument == 0 ? CompletionSource.Files : CompletionSource.Nothing;

    /// <inheritdoc/>
    protected override Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var text = ConfigurationText.Read(invocation.Host, invocation.Get(_file)!, invocation.Get(_name));
        if (text.Configuration is TunnelConfig config && invocation.Host.IsForwarding())
        {
            text = text with { Warnings = text.With(ConfigurationText.OnReach(config)) };
        }

        if (invocation.Json)
        {
            invocation.PrintJson(writer =>
            {
                writer.WriteBoolean("valid", true);
                writer.WriteString("file", text.FileName);
                writer.WriteString("kind", text.Configuration is TunnelConfig ? "tunnel" : "relay");
                writer.WriteString("name", text.Configuration.Name);
                DiagnosticJson.Write(writer, "warnings", text.Warnings);
            });
            return Task.CompletedTask;
        }

        var screen = invocation.NewScreen();
        foreach (var warning in text.Warnings)
        {
            screen.Paragraph(DiagnosticText.Render(warning, text.FileName), style: Style.Warning);
        }

        screen.Paragraph($"{text.FileName} is valid: {Summary(text.Configuration)}");
        invocation.Print(screen);
        return Task.CompletedTask;
    }

    private static string Summary(Configuration configuration) => configuration switch
    {
        TunnelConfig tunnel => $"{tunnel}, {(tunnel.IsServer ? "server on" : "client of")} {tunnel.NetworkAddress}, "
            + $"{tunnel.TunnelAddress}, ports {tunnel.AllowedPorts}",
        RelayConfig relay => $"{relay}, {(relay.Relay == RelayRole.Receiver ? "receiver" : "sender")}, "
            + $"UDP {relay.UdpAddress}, TCP {relay.TcpAddress}",
        _ => configuration.ToString(),
    };
}
