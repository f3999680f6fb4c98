// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf.WellKnownTypes;
using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli;

public sealed class TunnelHintTests
{
    [Fact]
    public void A_server_that_hears_its_heartbeats_needs_no_hint() =>
        Assert.Null(TunnelHint.For(Samples.Server(), Samples.Now));

    [Fact]
    public void Only_heartbeats_may_mean_that_the_addresses_do_not_fit()
    {
        var tunnel = Samples.Server();
        tunnel.Counters.PacketsIn = 0;

        Assert.Contains("(here 10.0.0.1/24)", TunnelHint.For(tunnel, Samples.Now), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(89, false)]
    [InlineData(91, true)]
    public void A_server_is_silent_after_three_missed_heartbeats(int seconds, bool hint)
    {
        var tunnel = Samples.Server();
        tunnel.Peer.LastHeard = Timestamp.FromDateTimeOffset(Samples.Now.AddSeconds(-seconds));

        Assert.Equal(hint, TunnelHint.For(tunnel, Samples.Now) is not null);
    }

    /// <remarks>The client's interval may be longer than this end's.</remarks>
    [Fact]
    public void A_silent_client_is_not_called_down()
    {
        var tunnel = Samples.Server();
        tunnel.Peer.LastHeard = Timestamp.FromDateTimeOffset(Samples.Now.AddMinutes(-5));

        var hint = TunnelHint.For(tunnel, Samples.Now);

        Assert.StartsWith("Nothing heard from the client for 5 min", hint, StringComparison.Ordinal);
        Assert.DoesNotContain("down", hint, StringComparison.Ordinal);
    }

    [Fact]
    public void What_does_not_fit_is_the_hint()
    {
        var tunnel = Samples.Server();
        tunnel.Remarks.Add("the tunnel's network 10.0.0.0/24 overlaps the network 10.0.0.0/24 of lan");
        tunnel.Remarks.Add("is AllowedPorts the same at both ends?");

        Assert.Equal(
            "The tunnel's network 10.0.0.0/24 overlaps the network 10.0.0.0/24 of lan. "
                + "Is AllowedPorts the same at both ends?",
            TunnelHint.For(tunnel, Samples.Now)
        );
    }

    [Fact]
    public void Without_heartbeats_silence_means_nothing()
    {
        var tunnel = Samples.Server();
        tunnel.HeartbeatInterval = 0;
        tunnel.Peer.LastHeard = Timestamp.FromDateTimeOffset(Samples.Now.AddDays(-1));

        Assert.Null(TunnelHint.For(tunnel, Samples.Now));
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(3, true)]
    public void A_client_misses_answers_only_if_it_sends(double packetsPerSecond, bool hint)
    {
        var tunnel = Samples.Client();
        tunnel.State = TunnelState.Running;
        tunnel.Peer.LastHeard = Timestamp.FromDateTimeOffset(Samples.Now.AddHours(-1));
        tunnel.Rates = new Rates { PacketsOutPerSecond = packetsPerSecond };

        Assert.Equal(hint, TunnelHint.For(tunnel, Samples.Now) is not null);
    }

    [Fact]
    public void Datagrams_with_another_magic_explain_why_nothing_was_heard()
    {
        var tunnel = Samples.Client();
        tunnel.Counters = new Counters
        {
            Drops =
            {
                new Drops
                {
                    Reason = DropReason.Magic,
                    Direction = Direction.In,
                    Packets = 7,
                },
            },
        };

        Assert.StartsWith(
            "7 datagrams came with another magic",
            TunnelHint.For(tunnel, Samples.Now),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("RESOLVING", "does not resolve")]
    [InlineData("DEVICE_LOST", "make the device again")]
    [InlineData("FAILED", "udptunnelctl down office")]
    public void Each_state_that_is_wrong_has_its_own_hint(string state, string part)
    {
        var tunnel = Samples.Client();
        tunnel.State = System.Enum.Parse<TunnelState>(
            state.Replace("_", "", StringComparison.Ordinal),
            ignoreCase: true
        );

        Assert.Contains(part, TunnelHint.For(tunnel, Samples.Now), StringComparison.Ordinal);
    }
}
