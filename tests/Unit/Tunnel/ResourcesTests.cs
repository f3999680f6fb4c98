// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Tunnel;

public sealed class ResourcesTests
{
    private const int IpAndTcp = 40;
    private const int Magic = 16;

    [Fact]
    public void The_predecessor_s_MTU_gives_49_datagrams_of_1316_bytes() =>
        Assert.Equal(49 * 1260, Resources.MaxSuperpacket(1300));

    /// <remarks>
    /// TCP's segments have timestamps (12 bytes of options) or none; the kernel fills a superpacket with whole
    /// segments.
    /// </remarks>
    [Fact]
    public void A_superpacket_is_one_run_at_every_MTU()
    {
        for (var mtu = 1280; mtu <= 65_520; mtu++)
        {
            if (Resources.MaxSuperpacket(mtu) is not { } size)
            {
                Assert.True(2 * (mtu + Magic) > SendBatch.MaxRunBytes);
                continue;
            }

            Assert.InRange(size, mtu, 65_535);
            foreach (var options in (int[])[0, 12])
            {
                var segments = (size - IpAndTcp - options) / (mtu - IpAndTcp - options);
                Assert.InRange(segments, 1, SendBatch.MaxRunDatagrams);
                Assert.InRange(segments * (mtu + Magic), 1, SendBatch.MaxRunBytes);
            }
        }
    }
}
