// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Cli;

public sealed class CheckReachTests
{
    private const string Open =
        """{"TunnelAddress": "10.0.0.1", "NetworkAddress": ":8000", "AllowedPorts": [22], "PacketMagic": "w"}""";

    private const string Limited =
        """{"TunnelAddress": "10.0.0.1", "NetworkAddress": ":8000", "AllowedPorts": [22], "PacketMagic": "w", "Firewall": true}""";

    [Fact]
    public async Task A_device_and_an_address_to_bind_that_this_host_does_not_have_are_said()
    {
        await using var server = await FakeServer.StartAsync();
        var run = new CommandRun { MissingDevice = "wwan7", MissingAddress = "192.0.2.9" };
        var text = Open.Replace(
            "{",
            """{"BindDevice": "wwan7", "BindAddress": "192.0.2.9", """,
            StringComparison.Ordinal
        );

        await run.RunAsync(server, "check", "--json", server.File("c.json", text));

        Assert.Equal(0, run.ExitCode);
        var warnings = run.Json.GetProperty("warnings").GetRawText();
        Assert.Contains("no device wwan7", warnings, StringComparison.Ordinal);
        Assert.Contains("the address 192.0.2.9", warnings, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Open, true, true)]
    [InlineData(Open, false, false)]
    [InlineData(Limited, true, false)]
    public async Task What_the_peer_reaches_is_said_where_the_host_forwards_and_the_file_sets_no_limit(
        string text,
        bool isForwarding,
        bool isSaid
    )
    {
        await using var server = await FakeServer.StartAsync();
        var run = new CommandRun { IsForwarding = isForwarding };

        await run.RunAsync(server, "check", "--json", server.File("c.json", text));

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(
            isSaid,
            run.Json.GetProperty("warnings")
                .GetRawText()
                .Contains("every host that this host reaches", StringComparison.Ordinal)
        );
    }
}
