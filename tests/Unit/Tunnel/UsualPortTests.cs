// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Tunnel;

public sealed class UsualPortTests
{
    private const string Secret = "0123456789abcdef0123456789abcdef";

    [Fact]
    public void A_tunnel_has_one_port_on_a_host_and_others_have_others()
    {
        var port = Of(Secret, "home 192.0.2.1:8000");

        Assert.InRange(port, 32768, 60999);
        Assert.Equal(port, Of(Secret, "home 192.0.2.1:8000"));
        Assert.NotEqual(port, Of(Secret, "home 192.0.2.2:8000"));
        Assert.NotEqual(port, Of(Secret, "office 192.0.2.1:8000"));
        Assert.NotEqual(port, Of(Secret[1..], "home 192.0.2.1:8000"));
    }

    [Fact]
    public void The_kernel_chooses_where_the_host_has_no_secret_or_keeps_the_port_for_others()
    {
        var port = Of(Secret, "home");

        Assert.Equal(0, Of("", "home"));
        Assert.Equal(0, UsualPort.Choose(Secret, "home", 32768, 60999, $"80,{port - 1}-{port}"));
        Assert.Equal(port, UsualPort.Choose(Secret, "home", 32768, 60999, $"80,{port + 1}"));
        Assert.Equal(5000, UsualPort.Choose(Secret, "home", 5000, 5000, ""));
    }

    private static int Of(string secret, string tunnel) => UsualPort.Choose(secret, tunnel, 32768, 60999, "");
}
