// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Tunnel;

public sealed class PeerTests
{
    [Fact]
    public void The_first_endpoint_is_no_change()
    {
        var peer = new Peer();
        Assert.Null(peer.Current);

        Assert.True(peer.Move(MemoryUdp.Address("192.0.2.1:1")).IsNone);
        Assert.Equal(0, peer.Changes);
        Assert.Equal("192.0.2.1:1", peer.Move(MemoryUdp.Address("192.0.2.2:2")).ToString());
        Assert.Equal(1, peer.Changes);
        Assert.Equal("192.0.2.2:2", peer.Current!.Endpoint.ToString());
    }

    [Fact]
    public async Task Who_sends_while_it_moves_sees_one_endpoint_or_the_other()
    {
        var peer = new Peer();
        string[] both = ["192.0.2.1:1111", "[2001:db8::2]:2222"];
        peer.Move(MemoryUdp.Address(both[0]));
        using var stop = new CancellationTokenSource();
        var reader = Task.Run(
            () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    Assert.Contains(peer.Current!.Endpoint.ToString(), both);
                }
            },
            TestContext.Current.CancellationToken
        );

        for (var i = 0; i < 20_000; i++)
        {
            peer.Move(MemoryUdp.Address(both[i % 2]));
        }

        await stop.CancelAsync();
        await reader;
        Assert.Equal(20_000, peer.Changes);
    }
}
