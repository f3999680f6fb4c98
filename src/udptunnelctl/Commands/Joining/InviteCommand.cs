// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using Google.Protobuf.WellKnownTypes;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Failures;
using UdpTunnel.Cli.Output;
using UdpTunnel.Cli.Output.Peers;
using UdpTunnel.Config;
using UdpTunnel.Config.WgQuick;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands.Joining;

/// <summary><c>invite</c>: makes a peer, and prints what its host needs.</summary>
internal sealed class InviteCommand(Invocation invocation)
{
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    [Command(
        Description = "Make a peer of a secure tunnel, and print the file of wg-quick and the command that join it. Its "
            + "private key is shown this once. Who does not come in time is not let in."
    )]
    [Example("udptunnelctl invite wg0 --name laptop > laptop.conf")]
    [Example("udptunnelctl invite wg0 --name phone --qr --endpoint vpn.example.com")]
    [Example("udptunnelctl invite wg0 --token > token")]
    public async Task RunAsync(
        [Argument("TUNNEL", Description = "The tunnel"), CompletedFrom(CompletionSource.Tunnels)] string tunnel,
        [Option("name", ValueName = "NAME", Description = "What the peer is called")] string? name,
        [Option(
            "address",
            ValueName = "ADDRESS",
            Description = "Its inner address, instead of the next free one; again for another"
        )]
            string[]? address,
        [Option("expires", ValueName = "DURATION", Description = "How long the invitation is good; default 24h")]
        [DurationRange("1m", "720h")]
            TimeSpan? expires,
        [Option(
            "endpoint",
            ValueName = "HOST",
            Description = "Where the peer finds this host: HOST or HOST:PORT. Default: this host's own address"
        )]
            string? endpoint,
        [Option("qr", Description = "Draw the file as a QR code, for the app of a phone")] bool qr,
        [Option("token", Description = "Print only the token for 'udptunnelctl join'")] bool token
    )
    {
        invocation.Names = [tunnel];
        var valid = expires ?? Day;
        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
        var request = new InvitePeerRequest
        {
            Tunnel = tunnel,
            Name = name ?? "",
            Addresses = { address ?? [] },
            Valid = Duration.FromTimeSpan(valid),
            Endpoint = endpoint ?? "",
        };
        var answer = await daemon
            .Tunnels.InvitePeerAsync(request, invocation.ChangeCall)
            .ResponseAsync.ConfigureAwait(false);
        var invitation = ToToken(answer, tunnel, invocation.Host.Time.GetUtcNow() + valid);
        var file = WgQuickWriter.Write(invitation.ToConfiguration(), showSecrets: true);
        if (invocation.Json)
        {
            invocation.PrintJson(writer =>
            {
                PeerJson.Write(writer, "peer", answer.Peer ?? new TunnelPeer());
                writer.WriteString("endpoint", answer.Endpoint);
                writer.WriteString("wgQuick", file);
                writer.WriteString("token", invitation.Reveal());
            });
            return;
        }

        if (answer.EndpointIsPrivate)
        {
            invocation.Host.Error.WriteLine(
                $"udptunnelctl: the other side is to call {answer.Endpoint}, an address of a private network; "
                    + "--endpoint names another"
            );
        }

        var output = invocation.Host.Output;
        if (token)
        {
            output.WriteLine(invitation.Reveal());
        }
        else if (qr)
        {
            output.Write(QrCode.Draw(QrCode.Shorten(file), invocation.Colour));
        }
        else
        {
            output.Write(file);
            output.WriteLine(
                $"# on a host with udptunnel, instead of this file: udptunnelctl join {invitation.Reveal()}"
            );
        }

        output.Flush();
    }

    private static JoinToken ToToken(InvitePeerResponse answer, string tunnel, DateTimeOffset until)
    {
        var addresses = new List<InterfaceAddress>();
        foreach (var text in answer.Addresses)
        {
            if (InterfaceAddress.TryParseEither(text, requiresLength: true, out var address, out _))
            {
                addresses.Add(address);
            }
        }

        var ranges = answer.AllowedPorts.Select(r => new Config.PortRange((ushort)r.First, (ushort)r.Last));
        return
            SecretKey.TryParse(answer.PrivateKey, out var secret, out _)
            && PublicKey.TryParse(answer.PublicKey, out var key)
            && HostPort.TryParse(answer.Endpoint, out var endpoint, out _)
            ? new JoinToken(
                tunnel,
                secret,
                key,
                until,
                (int)answer.Mtu,
                endpoint,
                [.. addresses],
                PortSet.Create([.. ranges])
            )
            : throw new CommandException(ExitCode.Failed, "invalid_answer", "the daemon's answer is no invitation");
    }
}
