// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers;
using System.Text;
using UdpTunnel.Config;
using UdpTunnel.Metrics;
using UdpTunnel.Packets;
using UdpTunnel.Tests.Config;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Metrics;

public sealed class PeerMetricsTests
{
    private static readonly TunnelConfig Server = Sample.Clean<TunnelConfig>(SecureSample.Server);

    [Fact]
    public void Each_peer_has_its_values_under_its_name()
    {
        var text = Written(
            new PeerStatus
            {
                Name = "laptop",
                State = PeerState.Connected,
                LastHandshake = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_500),
                Traffic = new TrafficTotals(1, 20, 3, 40),
                Handshakes = 5,
                Drops = [(DropReason.Port, 7)],
            },
            new PeerStatus { Name = "phone" }
        );

        Assert.Contains(
            "udptunnel_peer_connected{tunnel=\"config\",peer=\"laptop\"} 1\n",
            text,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "udptunnel_peer_connected{tunnel=\"config\",peer=\"phone\"} 0\n",
            text,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "udptunnel_peer_last_handshake_time_seconds{tunnel=\"config\",peer=\"laptop\"} 1700000000.5\n",
            text,
            StringComparison.Ordinal
        );
        Assert.DoesNotContain(
            "udptunnel_peer_last_handshake_time_seconds{tunnel=\"config\",peer=\"phone\"}",
            text,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "udptunnel_peer_bytes_total{tunnel=\"config\",peer=\"laptop\",direction=\"in\"} 40\n",
            text,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "udptunnel_peer_handshakes_total{tunnel=\"config\",peer=\"laptop\",result=\"made\"} 5\n",
            text,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "udptunnel_peer_drops_total{tunnel=\"config\",peer=\"laptop\",reason=\"port\"} 7\n",
            text,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Two_peers_that_are_called_alike_are_told_apart_by_their_keys()
    {
        var text = Written(
            new PeerStatus { Name = "ZX68P", PublicKey = SecureSample.Public },
            new PeerStatus { Name = "ZX68P", PublicKey = SecureSample.Laptop }
        );

        Assert.Contains($"peer=\"{SecureSample.Public}\"", text, StringComparison.Ordinal);
        Assert.Contains($"peer=\"{SecureSample.Laptop}\"", text, StringComparison.Ordinal);
        Assert.DoesNotContain("peer=\"ZX68P\"", text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_peer_of_a_classic_tunnel_has_no_values_of_its_own()
    {
        var classic = new TunnelStatus
        {
            Config = Sample.Clean<TunnelConfig>(Sample.Server),
            State = TunnelState.Running,
            Peers = [new PeerStatus()],
        };

        Assert.Empty(PeerMetrics.Of([classic]).SelectMany(f => f.Samples));
    }

    private static string Written(params PeerStatus[] peers)
    {
        var output = new ArrayBufferWriter<byte>();
        var tunnel = new TunnelStatus
        {
            Config = Server,
            State = TunnelState.Running,
            Peers = peers,
        };
        foreach (var family in PeerMetrics.Of([tunnel]))
        {
            MetricsText.Write(output, family);
        }

        return Encoding.UTF8.GetString(output.WrittenSpan);
    }
}
