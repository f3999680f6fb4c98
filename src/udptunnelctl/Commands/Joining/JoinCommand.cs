// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Failures;
using UdpTunnel.Cli.Output;
using UdpTunnel.Config;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands.Joining;

/// <summary><c>join</c>: starts the tunnel of an invitation.</summary>
internal sealed class JoinCommand(Invocation invocation)
{
    private static readonly TimeSpan DefaultWait = TimeSpan.FromSeconds(20);

    [Command(
        Description = "Start the tunnel that 'udptunnelctl invite' at another host has made a token for, and wait until "
            + "that host answers."
    )]
    [Example("udptunnelctl join utj1_...")]
    [Example("udptunnelctl join utj1_... --name office --timeout 1m")]
    public async Task RunAsync(
        [Argument("TOKEN", Description = "The token; - is standard input")]
        [CompletedFrom(CompletionSource.Nothing)]
            string token,
        [Option(
            "name",
            ValueName = "NAME",
            Description = "Name of the tunnel here. Default: the one that it has there"
        )]
            string? name,
        [Option("timeout", ValueName = "DURATION", Description = "How long to wait for an answer; default 20s")]
        [DurationRange("100ms", "1h")]
            TimeSpan? timeout
    )
    {
        if (name is not null && !ConfigurationName.TryValidate(name, out var error))
        {
            throw UsageFailure.Usage($"--name: {error}", "See 'udptunnelctl join --help'.");
        }

        var invitation = Read(token);
        var config = invitation.ToConfiguration(name);
        invocation.FileName = "the token";
        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
        var request = new StartTunnelRequest { Configuration = config.ToJson(), Name = config.Name };
        await daemon.Tunnels.StartTunnelAsync(request, invocation.ChangeCall).ResponseAsync.ConfigureAwait(false);
        var tunnel = await PeerWait
            .UntilHeardAsync(invocation, daemon, config.Name, timeout ?? DefaultWait)
            .ConfigureAwait(false);
        if (invocation.Json)
        {
            invocation.PrintJson(writer => TunnelJson.Write(writer, "tunnel", tunnel));
            return;
        }

        var screen = invocation.NewScreen();
        StartView.Render(screen, tunnel, [], invocation.FileName, invocation.Host.Time.GetUtcNow());
        invocation.Print(screen);
    }

    private JoinToken Read(string token)
    {
        if (token == "-")
        {
            using var input = new StreamReader(invocation.Host.OpenInput());
            token = input.ReadToEnd();
        }

        if (!JoinToken.TryParse(token, out var invitation, out var error))
        {
            throw UsageFailure.Usage($"TOKEN {error}", "Copy the whole line that 'udptunnelctl invite' has printed.");
        }

        return invitation.Until > invocation.Host.Time.GetUtcNow()
            ? invitation
            : throw new CommandException(
                ExitCode.Failed,
                "expired",
                $"the invitation was good until {TimeText.Local(invitation.Until, invocation.Host.Time)}"
            )
            {
                Advice = $"At the other host: udptunnelctl invite {invitation.Name}",
            };
    }
}
