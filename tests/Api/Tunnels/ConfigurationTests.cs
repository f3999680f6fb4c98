// SPDX-License-Identifier: BSD-3-Clause

using Grpc.Core;
using UdpTunnel.Tests.Api.Daemon;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Api.Tunnels;

/// <summary>What runs, written as a file; and what only the daemon finds in one.</summary>
public sealed class ConfigurationTests(DaemonFixture fixture) : IClassFixture<DaemonFixture>
{
    private const string Private = "SP234PKzlv04ShqslSPM0iHgDf+iaK46kWHjug++wHg=";
    private const string Public = "ZX68P+CFxAdSQ4XP2Y/J3tm09b7acv5z10ekIsTr800=";

    private const string Other = "rHv8wSioPHacABO02O2GlFbUs5OMfrtvbNV+IbWr8DE=";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_runs_is_written_in_full_and_its_secrets_only_where_they_are_asked_for()
    {
        Requirements.Tun();
        await fixture.Channel.Tunnels.StartTunnelAsync(
            Configurations.Start("shown", 31, ", \"PacketMagic\": \"hunter2\""),
            cancellationToken: Cancellation
        );
        try
        {
            var hidden = await fixture.Channel.Daemon.GetConfigurationAsync(
                new GetConfigurationRequest { Name = "shown" },
                cancellationToken: Cancellation
            );
            var shown = await fixture.Channel.Daemon.RevealConfigurationAsync(
                new RevealConfigurationRequest { Name = "shown", Format = ConfigurationFormat.Json },
                cancellationToken: Cancellation
            );

            Assert.Contains("\"PacketMagic\": \"(hidden)\"", hidden.Configuration, StringComparison.Ordinal);
            Assert.Contains("\"HeartbeatInterval\": 25", hidden.Configuration, StringComparison.Ordinal);
            Assert.Equal(
                hidden.Configuration.Replace("(hidden)", "hunter2", StringComparison.Ordinal),
                shown.Configuration
            );
            Assert.DoesNotContain("hunter2", fixture.Daemon.Process.Errors, StringComparison.Ordinal);
            (
                await Failure.OfAsync(
                    fixture.Channel.Daemon.GetConfigurationAsync(
                        new GetConfigurationRequest { Name = "shown", Format = ConfigurationFormat.WgQuick },
                        cancellationToken: Cancellation
                    )
                )
            ).Is(StatusCode.InvalidArgument, "INVALID_REQUEST");
        }
        finally
        {
            await fixture.Channel.Tunnels.StopTunnelAsync(
                new StopTunnelRequest { Name = "shown" },
                cancellationToken: Cancellation
            );
        }
    }

    [Fact]
    public async Task A_key_that_the_daemon_has_made_is_shown_only_where_it_is_asked_for_and_peers_are_listed()
    {
        Requirements.Tun();
        const string Secure = $$"""
            {"Protocol": "wireguard", "TunnelAddress": ["10.99.32.1/24", "fd00:32::1/64"], "NetworkAddress": ":20032", "AllowedPorts": "all",
             "Peers": [{"Name": "laptop", "PublicKey": "{{Public}}", "AllowedIPs": ["10.99.32.2/32"]}, {"PublicKey": "{{Other}}", "AllowedIPs": ["fd00:32::2/128"]}]}
            """;
        var started = (
            await fixture.Channel.Tunnels.StartTunnelAsync(
                new StartTunnelRequest { Name = "secure", Configuration = Secure },
                cancellationToken: Cancellation
            )
        ).Tunnel;
        try
        {
            var hidden = await fixture.Channel.Daemon.GetConfigurationAsync(
                new GetConfigurationRequest { Name = "secure", Format = ConfigurationFormat.WgQuick },
                cancellationToken: Cancellation
            );
            var shown = await fixture.Channel.Daemon.RevealConfigurationAsync(
                new RevealConfigurationRequest { Name = "secure", Format = ConfigurationFormat.WgQuick },
                cancellationToken: Cancellation
            );
            var peers = await fixture.Channel.Tunnels.ListTunnelPeersAsync(
                new ListTunnelPeersRequest(),
                cancellationToken: Cancellation
            );

            Assert.Equal(
                (TunnelMode.Peer, TunnelProtocol.Wireguard, 20032U, 2U),
                (started.Mode, started.Protocol, started.LocalPort, started.PeerCount)
            );
            Assert.Equal(["10.99.32.1/24", "fd00:32::1/64"], started.TunnelAddresses);
            Assert.Equal(44, started.PublicKey.Length);
            Assert.DoesNotContain("PrivateKey", hidden.Configuration, StringComparison.Ordinal);
            Assert.Matches("\nPrivateKey = [A-Za-z0-9+/]{43}=\n", shown.Configuration);
            Assert.Equal(["laptop", Other[..8]], peers.Peers.Select(p => p.Name));
            Assert.All(peers.Peers, p => Assert.Equal(("secure", PeerState.Waiting), (p.Tunnel, p.State)));
            Assert.Equal(2U, peers.Total);
        }
        finally
        {
            await fixture.Channel.Tunnels.StopTunnelAsync(
                new StopTunnelRequest { Name = "secure" },
                cancellationToken: Cancellation
            );
        }
    }

    [Fact]
    public async Task What_is_not_there_has_no_configuration() =>
        (
            await Failure.OfAsync(
                fixture.Channel.Daemon.GetConfigurationAsync(
                    new GetConfigurationRequest { Name = "nobody" },
                    cancellationToken: Cancellation
                )
            )
        ).Is(StatusCode.NotFound, "NO_SUCH_TUNNEL");

    [Theory]
    [InlineData(
        $$"""{"Protocol": "wireguard", "TunnelAddress": [], "AllowedPorts": [22], "PrivateKey": "{{Private}}", "Peers": [{"AllowedIPs": [], "PublicKey": "{{Public}}"}]}""",
        "Peers[0].PublicKey",
        1
    )]
    [InlineData($"[Interface]\nPrivateKey = {Private}\n[Peer]\nPublicKey = {Public}\n", "PublicKey", 4)]
    public async Task This_end_s_own_key_among_its_peers_is_found_with_its_place(
        string configuration,
        string field,
        int line
    )
    {
        var failure = (
            await Failure.OfAsync(
                fixture.Channel.Tunnels.StartTunnelAsync(
                    new StartTunnelRequest { Name = "own", Configuration = configuration },
                    cancellationToken: Cancellation
                )
            )
        ).Is(StatusCode.InvalidArgument, "INVALID_CONFIGURATION");

        var mistake = Assert.Single(failure.Diagnostics, d => d.Severity == Severity.Error);
        Assert.Equal((field, line), (mistake.Field, mistake.Line));
        Assert.StartsWith("is this end's own public key", mistake.Message, StringComparison.Ordinal);
    }
}
