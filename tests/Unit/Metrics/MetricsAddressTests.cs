// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Metrics;

namespace UdpTunnel.Tests.Metrics;

public sealed class MetricsAddressTests
{
    [Theory]
    [InlineData("127.0.0.1:9586", "127.0.0.1:9586", null)]
    [InlineData("127.9.9.9:1", "127.9.9.9:1", null)]
    [InlineData("[::1]:9586", "[::1]:9586", null)]
    [InlineData("unix:/run/m.sock", null, "/run/m.sock")]
    [InlineData("/run/m.sock", null, "/run/m.sock")]
    public void Loopback_and_paths_are_taken(string text, string? endpoint, string? path)
    {
        Assert.True(MetricsAddress.TryParse(text, out var address, out _));
        Assert.Equal((endpoint, path), (address.Endpoint?.ToString(), address.SocketPath));
    }

    [Theory]
    [InlineData("0.0.0.0:9586", "can be reached from elsewhere")]
    [InlineData("[::]:9586", "can be reached from elsewhere")]
    [InlineData("192.0.2.1:9586", "can be reached from elsewhere")]
    [InlineData("[2001:db8::1]:9586", "can be reached from elsewhere")]
    [InlineData("[fe80::1%lo]:9586", "can be reached from elsewhere")]
    [InlineData("[::ffff:192.0.2.1]:9586", "can be reached from elsewhere")]
    [InlineData(":9586", "names no address")]
    [InlineData("localhost:9586", "names no address")]
    [InlineData("example.com:80", "names no address")]
    [InlineData("127.0.0.1", "")]
    [InlineData("127.0.0.1:0", "is not a port")]
    [InlineData("127.0.0.1:70000", "is not a port")]
    [InlineData("unix:relative", "no path from the root")]
    [InlineData("unix:", "no path from the root")]
    [InlineData("", "")]
    [InlineData("\u001b[2J", "")]
    public void Anything_else_is_refused_with_a_reason(string text, string reason)
    {
        Assert.False(MetricsAddress.TryParse(text, out _, out var error));
        Assert.Contains(reason, error, StringComparison.Ordinal);
        Assert.Contains("127.0.0.1:9586", error, StringComparison.Ordinal);
        Assert.DoesNotContain(error, char.IsControl);
    }
}
