// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using UdpTunnel.Linux;

namespace UdpTunnel.Tests.Linux;

public sealed class NetlinkSocketTests
{
    [Fact]
    public void A_kernel_that_does_not_answer_is_an_error_and_no_wait_for_ever()
    {
        using var socket = NetlinkSocket.Open(out var error);
        Assert.NotNull(socket);
        Assert.Equal(Errno.None, error);
        var clock = Stopwatch.StartNew();

        Assert.Equal(Errno.Again, NetlinkSocket.Receive(socket, new byte[100], out _));

        Assert.InRange(clock.Elapsed, NetlinkSocket.Patience / 2, NetlinkSocket.Patience * 5);
    }
}
