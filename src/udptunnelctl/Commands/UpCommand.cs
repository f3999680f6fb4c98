using Cocona;
using UdpTunnel.Cli.Commands.Relays;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output;
using UdpTunnel.Config;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>up</c>: starts what a file describes.</summary>
internal sealed class UpCommand(Invocation invocation)
{
    [Command(
        Description = "Start the tunnel or relay that a file describes, wait until it runs, and say what was done."
    )]
    [Example("udptunnelctl up /etc/udptunnel/home.json")]
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

        // Always sent: the daemon does not see the file's name, which is the default.
        name ??= text.Configuration.Name;
        if (text.Configuration is RelayConfig)
        {
            var relay = new StartRelayRequest
            {
                Configuration = text.Text,
                Name = name,
                Ephemeral = ephemeral,
            };
            await RelayStart
                .RunAsync(invocation, daemon, relay, text.With, limit, invocation.Cancellation)
                .ConfigureAwait(false);
            return;
        }

        var request = new StartTunnelRequest
        {
            Configuration = text.Text,
            Name = name,
            Ephemeral = ephemeral,
        };
        var answer = await daemon
            .Tunnels.StartTunnelAsync(request, Invocation.Within(limit, invocation.Cancellation))
            .ResponseAsync.ConfigureAwait(false);
        var tunnel = wait
            ? await PeerWait.UntilHeardAsync(invocation, daemon, name, limit).ConfigureAwait(false)
            : answer.Tunnel ?? new Tunnel();
        Show(invocation, tunnel, text.With(answer.Warnings));
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
