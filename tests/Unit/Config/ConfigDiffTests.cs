// SPDX-License-Identifier: BSD-3-Clause

using System.Reflection;
using FsCheck.Fluent;
using UdpTunnel.Config;

namespace UdpTunnel.Tests.Config;

public sealed class ConfigDiffTests
{
    private static readonly TunnelConfig Before = Sample.Clean<TunnelConfig>(Sample.Server);

    [Fact]
    public void Each_change_tells_field_values_and_what_it_takes()
    {
        var after = Assert.IsType<TunnelConfig>(
            Sample
                .Parse(
                    """
                    {
                        "Name": "other", "TunnelAddress": "10.0.0.2/30", "NetworkAddress": "example.com:8000",
                        "AllowedPorts": [22, "8000-8010"], "AllowedSources": ["10.0.0.0/8", "1.2.3.4"], "AllowedDestinations": ["10.0.0.2"], "Forward": true, "Overlap": true, "TunnelDevice": "tun7", "HeartbeatInterval": 0, "PacketMagic": "hunter2",
                        "Mtu": 1400, "Firewall": true, "Offload": "off"
                    }
                    """
                )
                .Configuration
        );

        Assert.Equal(
            [
                new FieldChange("Name", "config", "other", ChangeEffect.Impossible),
                new FieldChange("TunnelAddress", "10.0.0.1/24", "10.0.0.2/30", ChangeEffect.Restart),
                new FieldChange("NetworkAddress", ":8000", "example.com:8000", ChangeEffect.Restart),
                new FieldChange("AllowedPorts", "22", "22, 8000-8010", ChangeEffect.Live),
                new FieldChange("AllowedSources", "all", "10.0.0.0/8, 1.2.3.4/32", ChangeEffect.Live),
                new FieldChange("AllowedDestinations", "all", "10.0.0.2/32", ChangeEffect.Live),
                new FieldChange("TunnelDevice", "(chosen by the kernel)", "tun7", ChangeEffect.Restart),
                new FieldChange("HeartbeatInterval", "25 s", "never", ChangeEffect.Live),
                new FieldChange("PacketMagic", "(hidden)", "(hidden)", ChangeEffect.Restart),
                new FieldChange("Mtu", "1300", "1400", ChangeEffect.Restart),
                new FieldChange("Firewall", "false", "true", ChangeEffect.Restart),
                new FieldChange("Forward", "false", "true", ChangeEffect.Restart),
                new FieldChange("Overlap", "false", "true", ChangeEffect.Live),
                new FieldChange("Offload", "auto", "off", ChangeEffect.Restart),
            ],
            ConfigDiff.Between(Before, after)
        );
    }

    [Fact]
    public void Every_field_of_a_tunnel_is_compared()
    {
        // A field that is added to the record and forgotten in the comparison would change without anybody being told.
        var fields = typeof(TunnelConfig)
            .GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(p => p.CanWrite)
            .Select(p =>
                p.Name switch
                {
                    nameof(TunnelConfig.TunnelAddresses) => nameof(TunnelConfig.TunnelAddress),
                    nameof(TunnelConfig.RouteNetworks) => nameof(TunnelConfig.Routes),
                    var name => name,
                }
            )
            .Distinct();
        var all = Gen.Two(Generated.Tunnels)
            .Sample(200)
            .SelectMany(pair => ConfigDiff.Between(pair.Item1, pair.Item2))
            .Select(change => change.Field.Split('[')[0]);

        Assert.Equal(fields.Order(), all.Distinct().Order());
    }

    [Fact]
    public void There_is_a_change_exactly_when_the_configurations_differ()
    {
        var pairs =
            from before in Generated.Tunnels
            from other in Generated.Tunnels
            from mask in Gen.Choose(0, 31)
            select (
                before,
                after: before with
                {
                    Mtu = (mask & 1) == 0 ? before.Mtu : other.Mtu,
                    PacketMagic = (mask & 2) == 0 ? before.PacketMagic : other.PacketMagic,
                    AllowedPorts = (mask & 4) == 0 ? before.AllowedPorts : other.AllowedPorts,
                    NetworkAddress = (mask & 8) == 0 ? before.NetworkAddress : other.NetworkAddress,
                    Peers = (mask & 16) == 0 ? before.Peers : other.Peers,
                }
            );

        Generated.ForAll(pairs, pair =>
        {
            var changes = ConfigDiff.Between(pair.before, pair.after);

            Assert.Equal(pair.before == pair.after, changes.Count == 0);
            Assert.Equal(pair.before.Mtu != pair.after.Mtu, changes.Any(c => c.Field == "Mtu"));
            Assert.Equal(
                pair.before.AllowedPorts != pair.after.AllowedPorts,
                changes.Any(c => c.Field == "AllowedPorts")
            );
            Assert.Equal(
                !pair.before.Peers.Equals(pair.after.Peers),
                changes.Any(c => c.Field.StartsWith("Peers", StringComparison.Ordinal))
            );
        });
    }
}
