// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;

namespace UdpTunnel.Tests.Config;

/// <summary>Files as users of dsnet/udptunnel have them.</summary>
public sealed class PredecessorTests
{
    [Fact]
    public void A_server_file_with_comments_and_trailing_commas_works_unchanged()
    {
        var config = Sample.Clean<TunnelConfig>(
            """
            // The server, in the cloud.
            {
            	"TunnelAddress": "10.0.0.1",
            	"NetworkAddress": ":8000", // all interfaces
            	"AllowedPorts": [
            		22, /* SSH */
            		80,
            	],
            }
            """
        );

        Assert.Equal("22, 80", config.AllowedPorts.ToString());
    }

    [Fact]
    public void A_client_file_with_every_old_field_works_and_says_which_have_no_effect()
    {
        const string Text = """
            {
            	"LogFile": "/var/log/udptunnel.log",
            	"TunnelDevice": "tunnel",
            	"TunnelAddress": "10.0.0.2",
            	"TunnelPeerAddress": "10.0.0.1",
            	"NetworkAddress": "server.example.com:8000",
            	"AllowedPorts": [22],
            	"HeartbeatInterval": 60,
            	"PacketMagic": "s3cret word",
            }
            """;

        Assert.Equal(
            [
                "config.json:2:13: warning: LogFile: has no effect: "
                    + "the daemon logs to standard error and never opens a path that a file names",
                "config.json:5:23: warning: TunnelPeerAddress: has no effect: it is not used on Linux",
            ],
            Sample.Remarks(Text)
        );
        var config = Assert.IsType<TunnelConfig>(Sample.Parse(Text).Configuration);
        Assert.Equal("tunnel", config.TunnelDevice);
        Assert.Equal(TimeSpan.FromMinutes(1), config.HeartbeatInterval);
        Assert.Equal("s3cret word", config.PacketMagic);
    }

    [Fact]
    public void Empty_strings_mean_no_field_where_they_did()
    {
        var text = Sample.Server.Replace(
            "{",
            """{"LogFile": "", "TunnelDevice": "", "TunnelPeerAddress": "", "PacketMagic": "", """,
            StringComparison.Ordinal
        );

        Assert.Equal(Sample.Clean<TunnelConfig>(Sample.Server), Sample.Clean<TunnelConfig>(text));
    }
}
