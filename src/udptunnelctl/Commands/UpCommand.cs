// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using UdpTunnel.Cli.Commands.Relays;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output;
using UdpTunnel.Config;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>up</c>: starts what a file describes.</summary>
internal sealed class UpCommand(Invocation invocation)
{
    [Command(
        Description = "Start the tunnel or relay that a file describes, wait until it runs, and say what was done. "
            + "If it runs already as the file says, nothing is done."
    )]
    [Example("udptunnelctl up /etc/udptunnel/home.json")]
    [Example("udptunnelctl up /etc/udptunnel/home.json --replace")]
    [Example("udptunnelctl up client.json --name office --ephemeral")]
    [Example("udptunnelctl up client.json --wait --timeout 10s")]
    [Example("udptunnelctl up /etc/wireguard/wg0.conf")]
    [Example("generate-config | udptunnelctl up - --name office")]
    public async Task RunAsync(
        [Argument("CONFIG.json", Description = "The configuration, or a file of wg-quick; - is standard input")]
        [CompletedFrom(CompletionSource.Files)]
            string file,
        [Option(
            "name",
            ValueName = "NAME",
            Description = "Name of the tunnel or relay. Default: the configuration's Name, else the name of the file"
        )]
            string? name,
        [Option("replace", Description = "If it runs already, make it as the file says, even if it has to restart")]
            bool replace,
        [Option("ephemeral", Description = "Do not start it again with the daemon")] bool ephemeral,
        [Option("timeout", ValueName = "DURATION", Description = "How long to wait until it runs; default 30s")]
        [DurationRange("100ms", "1h")]
            TimeSpan? timeout,
        [Option(
            "wait",
            Description = "A tunnel: wait until the other end was heard as well, no longer than --timeout; exit code 6 if not"
        )]
            bool wait
    )
    {
        var limit = timeout ?? Invocation.ChangeTimeout;
        if (name is not null && !ConfigurationName.TryValidate(name, out var error))
        {
            throw UsageFailure.Usage($"--name: {error}", "See 'udptunnelctl up --help'.");
        }

        var text = ConfigurationText.Read(invocation.Host, file, name);
        invocation.FileName = text.FileName;
        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);

        var isRelay = text.Configuration is RelayConfig;
        var wanted = new Wanted(name ?? text.Configuration.Name, text.Text, isRelay, ephemeral);
        if (isRelay)
        {
            await RelayStart.RunAsync(invocation, daemon, wanted, text.With, replace, limit).ConfigureAwait(false);
            return;
        }

        var started = await wanted.EnsureAsync(invocation, daemon, replace, limit).ConfigureAwait(false);
        if (wait)
        {
            var heard = await PeerWait.UntilHeardAsync(invocation, daemon, wanted.Name, limit).ConfigureAwait(false);
            started = started with { Tunnel = heard };
        }

        Show(invocation, started, text.With(started.Warnings));
    }

    private static void Show(Invocation invocation, Started started, IReadOnlyList<UdpTunnel.V1.Diagnostic> warnings)
    {
        var tunnel = started.Tunnel!;
        if (invocation.Json)
        {
            invocation.PrintJson(writer =>
            {
                TunnelJson.Write(writer, "tunnel", tunnel);
                writer.WriteString("result", started.Word);
                DiagnosticJson.Write(writer, "warnings", warnings);
            });
            return;
        }

        var screen = invocation.NewScreen();
        started.Render(screen, tunnel.Name);
        StartView.Render(screen, tunnel, warnings, invocation.FileName, invocation.Host.Time.GetUtcNow());
        invocation.Print(screen);
    }
}
