// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output;
using UdpTunnel.Config;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>check</c>: tells whether a file is right, without a daemon.</summary>
internal sealed class CheckCommand(Invocation invocation)
{
    [Command(Description = "Tell whether configurations are valid. Needs no daemon.")]
    [Example("udptunnelctl check /etc/udptunnel/home.json")]
    [Example("udptunnelctl check /etc/udptunnel/tunnels.d")]
    [Example("udptunnelctl check --json home.json")]
    public Task RunAsync(
        [Argument(
            "CONFIG.json",
            Description = "A configuration, a file of wg-quick, or a directory with some; - is standard input"
        )]
        [CompletedFrom(CompletionSource.Files)]
            string[] files,
        [Option(
            "name",
            ValueName = "NAME",
            Description = "Name, if the configuration has none. Default: the name of the file"
        )]
            string? name
    )
    {
        var configurations = files.SelectMany(ConfigurationText.FilesAt).ToList();
        return configurations.Count > 1 && name is not null
            ? throw UsageFailure.Usage(
                "--name is of use only with one configuration",
                "See 'udptunnelctl check --help'."
            )
            : invocation.ForEachAsync(configurations, file =>
            {
                Show(ConfigurationText.Read(invocation.Host, file, name));
                return Task.CompletedTask;
            });
    }

    private void Show(ConfigurationText text)
    {
        if (text.Configuration is TunnelConfig config)
        {
            var reach =
                invocation.Place.Host is null && invocation.Host.IsForwarding()
                    ? ConfigurationText.OnReach(config)
                    : [];
            text = text with { Warnings = text.With([.. reach, .. ConfigurationText.OnBinding(config, invocation)]) };
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
            return;
        }

        var screen = invocation.NewScreen();
        foreach (var warning in text.Warnings)
        {
            screen.Paragraph(DiagnosticText.Render(warning, text.FileName), style: Style.Warning);
        }

        screen.Paragraph($"{text.FileName} is valid: {Summary(text.Configuration)}");
        invocation.Print(screen);
    }

    private static string Summary(Configuration configuration) =>
        configuration switch
        {
            TunnelConfig { Protocol: TunnelProtocol.WireGuard } tunnel => Summary(tunnel),
            TunnelConfig tunnel =>
                $"{tunnel}, {(tunnel.IsServer ? "server on" : "client of")} {tunnel.NetworkAddress}, "
                    + $"{tunnel.TunnelAddress}, ports {tunnel.AllowedPorts}",
            RelayConfig relay => $"{relay}, {(relay.Relay == RelayRole.Receiver ? "receiver" : "sender")}, "
                + $"UDP {relay.UdpAddress}, TCP {relay.TcpAddress}",
            _ => configuration.ToString(),
        };

    private static string Summary(TunnelConfig tunnel)
    {
        var port = tunnel.NetworkAddress == HostPort.AnyPort ? "any port" : $"port {tunnel.NetworkAddress.Port}";
        var addresses = tunnel.TunnelAddresses.Count > 0 ? $"{tunnel.TunnelAddresses}" : "no address";
        var peers = tunnel.Peers.Count == 1 ? "1 peer" : $"{tunnel.Peers.Count} peers";
        return $"{tunnel}, secure, UDP {port}, {addresses}, {peers}, ports {tunnel.AllowedPorts}";
    }
}
